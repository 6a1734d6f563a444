/** The columns of the list that a reader has chosen: the address says them, and this browser keeps them for the next time. */

import { keepChoice, keptChoice } from "./kept_choices.js";

/** @typedef {"wait" | "first" | "speed" | "tokens" | "user" | "upstream"} Column */

/** In the order in which they stand. @type {readonly Column[]} */
export const COLUMNS = Object.freeze(["wait", "first", "speed", "tokens", "user", "upstream"]);
const USUAL = "speed";
const NONE = "none";
const SETTING = "columns";

/**
 * Those that are shown, in their order.
 * @param {{columns: string}} view
 * @returns {Column[]}
 */
export function chosenColumns({ columns }) {
  const named = (columns || keptChoice(SETTING) || USUAL).split(",");
  return COLUMNS.filter((column) => named.includes(column));
}

/**
 * What the address says when one more is shown, or one less. It is kept.
 * @param {{columns: string}} view
 * @param {Column} column
 * @returns {string}
 */
export function toggledColumns(view, column) {
  const before = chosenColumns(view);
  const after = COLUMNS.filter((one) => before.includes(one) !== (one === column));
  const text = after.join(",") || NONE;
  keepChoice(SETTING, text);
  return text;
}
