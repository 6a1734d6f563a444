/** What stands above the rows: the heads of the chosen columns, and the menu that chooses them. */

import { chosenColumns, COLUMNS, toggledColumns } from "../state/columns.js";
import { button, byId, element, replace, within } from "./elements.js";
import { COLUMN_TEXTS } from "./row.js";

const GAP = 6;

/**
 * @param {import("../state/address.js").Address} address
 */
export function makeListHead(address) {
  const panel = byId("column-panel");
  const heads = element("span", { class: "told-columns", "aria-hidden": "true" });
  const opener = button("columns …", open, { class: "plain", "aria-haspopup": "dialog" });
  replace(byId("list-head"), opener, heads);

  function open() {
    replace(panel, element("h2", {}, "Columns"), ...COLUMNS.map((column) => {
      const box = element("input", { type: "checkbox", onchange: () => address.go({ columns: toggledColumns(address.view, column) }, { replace: true }) });
      box.checked = chosenColumns(address.view).includes(column);
      return element("label", {}, box, element("span", { class: "value" }, COLUMN_TEXTS[column][0]));
    }));
    panel.showPopover();
    const at = opener.getBoundingClientRect();
    panel.style.left = `${Math.max(GAP, Math.min(at.left, window.innerWidth - panel.offsetWidth - GAP))}px`;
    panel.style.top = `${at.bottom + GAP}px`;
    within(panel, "input")?.focus();
  }

  return {
    draw() {
      replace(heads, ...chosenColumns(address.view).map((column) => element("span", { class: `told-column of-${column}` }, COLUMN_TEXTS[column][0])));
    },
  };
}
