/** A view in words: what it filters by, and when. Pure, but for the time that it is. */

import { FACETS, momentOf, USUAL_SPAN } from "./address.js";
import { moment, span } from "./format.js";

/** @typedef {import("./address.js").View} View */

/** The spans that have a button: what the address says, a short and a long name. */
export const SPANS = Object.freeze(/** @type {[string, string, string][]} */ ([
  ["-1h", "1 h", "the last hour"], [USUAL_SPAN, "24 h", "the last 24 hours"], ["-7d", "7 d", "the last 7 days"],
  ["-30d", "30 d", "the last 30 days"], ["all", "all", "all time"],
]));
/** How each facet is called. */
export const FACET_NAMES = Object.freeze(/** @type {Record<string, string>} */ ({
  model: "model", workflow: "workflow", caller: "caller", node: "node", execution: "execution", user: "user",
  operation: "operation", outcome: "outcome", status: "status", exchange: "exchange",
}));

/**
 * The time of a view, in words.
 * @param {View} view
 */
export function timeInWords(view) {
  const named = SPANS.find(([from]) => !view.to && from === (view.from || USUAL_SPAN));
  if (named) return named[2];
  const now = Date.now();
  const isSaid = view.from !== "" && view.from !== "all";
  const from = isSaid ? momentOf(view.from, now) : -Infinity;
  const to = view.to ? momentOf(view.to, now, true) : now;
  if (Number.isNaN(from) || Number.isNaN(to)) return "a time";
  return isSaid ? span(from, to, now) : `all before ${moment(to, now)}`;
}

/**
 * Everything that a view filters by, a phrase each: ["the last hour", "model llama3.1:8b", "failed"]
 * @param {View} view
 * @returns {string[]}
 */
export function inWords(view) {
  const phrases = [timeInWords(view)];
  if (view.q) phrases.push(`with ${view.q}`);
  for (const facet of FACETS) {
    const values = /** @type {any} */ (view)[facet];
    if (values.length) phrases.push(`${FACET_NAMES[facet]} ${values.join(" or ")}`);
  }
  if (view.failed) phrases.push(view.failed === "true" ? "failed" : "not failed");
  if (view.truncated) phrases.push({ true: "prompt cut", false: "prompt read whole" }[view.truncated] ?? "prompt perhaps cut");
  if (view.slower) phrases.push(slowerInWords(view.slower));
  return phrases;
}

/** @param {string} slower  seconds, or a number with its unit */
export function slowerInWords(slower) {
  return Number.isNaN(Number(slower)) ? `slower than ${slower}` : `slower than ${slower} s`;
}
