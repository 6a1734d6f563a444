/** The timeline as a table, in a dialog: what happened in each of some equal spans of time. */

import { tableOf } from "../state/dots.js";
import { duration, span, whole } from "../text/format.js";
import { prepareDialog } from "./dialogs.js";
import { byId, element, replace, typedById } from "./elements.js";

/** @typedef {import("../state/timeline_data.js").TimelineAnswer} TimelineAnswer */

const ROWS = 24;
const COLUMNS = Object.freeze(["Ended", "Exchanges", "Failed", "Median", "Longest"]);

/**
 * @param {() => {dots: import("../state/dots.js").Dot[], limits: [number, number], caption: string} | undefined} shown
 *   what the picture shows, if anything
 */
export function makeTimelineTable(shown) {
  const dialog = typedById("table-dialog", HTMLDialogElement);

  function draw() {
    const now = shown();
    if (now && dialog.open) replace(byId("timeline-table"), ...tableParts(now.dots, now.limits, now.caption));
  }

  byId("timeline-as-table").addEventListener("click", () => {
    dialog.showModal();
    draw();
  });
  prepareDialog(dialog);
  return { draw };
}

/**
 * @param {import("../state/dots.js").Dot[]} dots
 * @param {[number, number]} limits  Unix milliseconds
 * @param {string} caption
 */
function tableParts(dots, limits, caption) {
  const head = COLUMNS.map((name) => element("th", { scope: "col" }, name));
  const rows = tableOf(dots, ...limits, ROWS).filter((row) => row.count).map((row) => element(
    "tr", {}, element("th", { scope: "row" }, span(row.from, row.to, Date.now())),
    ...[whole(row.count), whole(row.failed), duration(row.median), duration(row.longest)].map((cell) => element("td", {}, cell)),
  ));
  return [element("caption", {}, caption), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)];
}
