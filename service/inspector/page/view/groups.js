/** Who uses the machine: totals by model, workflow, user and so on, and what callers may have. */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { GROUPINGS } from "../state/tables.js";
import { element, replace, within } from "./elements.js";
import { groupTableParts } from "./group_table.js";
import { makeLimits } from "./limits.js";
import { makeOllamas } from "./ollamas.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {(typeof GROUPINGS)[number]} Grouping
 * @typedef {import("./group_table.js").Group} Group
 */

/**
 * @param {Address} address
 * @returns {import("./overview.js").Tab}
 */
export function makeGroups(address) {
  const table = element("table", { class: "groups" });
  const choice = element("div", { class: "segments wraps", role: "group", "aria-label": "Group by" });
  const wide = element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Groups" }, table);
  const file = element("a", { class: "file", download: true }, "this table as CSV");
  const limits = makeLimits();
  const ollamas = makeOllamas();
  const root = element("div", {}, choice, wide, element("p", { class: "below-table" }, file), ollamas.root, limits.root);
  const asking = oneAtATime();
  /** @type {Group[]} */
  let groups = [];
  let loadMadeWait = 0;
  let asked = "";

  const grouping = () => GROUPINGS.find((name) => name === address.view.by) ?? GROUPINGS[0];
  const query = () => filterOf(address.view, { by: grouping() });

  function draw() {
    const hadFocus = focusedHead(table);
    replace(table, ...groupTableParts(groups, grouping(), address, loadMadeWait));
    if (hadFocus) within(table, `[data-key="${hadFocus}"]`)?.focus();
    table.hidden = choice.hidden = file.hidden = groups.length === 0;
  }

  return {
    root,
    key: () => `${grouping()} ${address.view.sort}`,
    async load(isOutdated) {
      drawChoice(choice, grouping(), address);
      file.setAttribute("href", `/stats.csv?${query()}`);
      // Sorting needs nobody's answer.
      if (!isOutdated && asked === query() && !wide.classList.contains("stale")) return draw();
      asked = query();
      void ollamas.load();
      void limits.load();
      try {
        const by = grouping();
        /** @type {{groups: Group[], load_made_wait?: number}} */
        const answer = await ask(`/stats.json?${asked}`, { signal: asking.next() });
        if (by !== grouping()) return;
        groups = answer.groups;
        loadMadeWait = answer.load_made_wait ?? 0;
        wide.classList.remove("stale");
        draw();
      } catch (error) {
        // The list tells what is wrong with the filters; telling it twice helps nobody.
        if (isAborted(error)) return;
        asked = "";
        replace(table);
      }
    },
    stale() {
      wide.classList.add("stale");
    },
  };
}

/** @param {HTMLElement} table */
function focusedHead(table) {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && table.contains(activeElement) ? activeElement.dataset.key : undefined;
}

/**
 * @param {HTMLElement} choice
 * @param {Grouping} by
 * @param {Address} address
 */
function drawChoice(choice, by, address) {
  const hadFocus = choice.contains(document.activeElement);
  replace(choice, ...GROUPINGS.map((name) => element("button", {
    type: "button", "aria-pressed": String(name === by), onclick: () => address.go({ by: name === GROUPINGS[0] ? "" : name }, { replace: true }),
  }, name)));
  if (hadFocus) within(choice, "[aria-pressed=true]")?.focus();
}
