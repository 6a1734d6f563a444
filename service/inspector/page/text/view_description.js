/** A view in words: what it filters by, and when. Pure, but for the time that it is. */

import { USUAL_SPAN } from "../state/address.js";
import { FACET_LABELS, FACETS } from "../state/tables.js";
import { timestampOf } from "../state/timestamps.js";
import { moment, span } from "./format.js";

/**
 * @typedef {import("../state/address.js").View} View
 * @typedef {import("../state/tables.js").Facet} Facet
 */

/** The spans that have a button: what the address has, a short and a long name. */
export const SPANS = Object.freeze(/** @type {[string, string, string][]} */ ([
  ["-1h", "1 h", "the last hour"],
  [USUAL_SPAN, "24 h", "the last 24 hours"],
  ["-7d", "7 d", "the last 7 days"],
  ["-30d", "30 d", "the last 30 days"],
  ["all", "all", "all time"],
]));

/**
 * Spans of the calendar, by the reader's own clock: a name, and from when to when.
 * @type {readonly [string, (now: Date) => [Date, Date]][]}
 */
export const CALENDAR_SPANS = Object.freeze([
  ["last night", (now) => [at(now, -1, 22), at(now, 0, 6)]],
  ["today", (now) => [at(now, 0), at(now, 1)]],
  ["yesterday", (now) => [at(now, -1), at(now, 0)]],
  ["this week", (now) => [at(now, -((now.getDay() + 6) % 7)), at(now, 7 - ((now.getDay() + 6) % 7))]],
]);

/** @param {Date} now @param {number} days  from today @param {number} [hour] */
function at(now, days, hour = 0) {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
}

const CUTS = Object.freeze(/** @type {Record<string, string | undefined>} */ ({ true: "prompt cut", false: "prompt read whole" }));

/**
 * The time of a view, in words.
 * @param {View} view
 */
export function describeTime(view) {
  const named = SPANS.find(([from]) => !view.to && from === (view.from || USUAL_SPAN));
  if (named) return named[2];
  const now = Date.now();
  const hasBegin = view.from !== "" && view.from !== "all";
  const from = hasBegin ? timestampOf(view.from, now) : -Infinity;
  const to = view.to ? timestampOf(view.to, now, true) : now;
  if (Number.isNaN(from) || Number.isNaN(to)) return "a time";
  return hasBegin ? span(from, to, now) : `all before ${moment(to, now)}`;
}

/**
 * Everything that a view filters by, a phrase each: ["the last hour", "model llama3.1:8b", "failed"]
 * @param {View} view
 * @returns {string[]}
 */
export function describeView(view) {
  return [describeTime(view), ...describeFilters(view)];
}

/**
 * The same without the time.
 * @param {View} view
 */
export function describeFilters(view) {
  /** @type {string[]} */
  const phrases = [];
  if (view.store) phrases.push("all recorders");
  if (view.q) phrases.push(`with ${view.q}`);
  for (const facet of FACETS) {
    if (view[facet].length) phrases.push(describeFacet(facet, view[facet]));
  }
  if (view.failed) phrases.push(view.failed === "true" ? "failed" : "not failed");
  if (view.truncated) phrases.push(CUTS[view.truncated] ?? "prompt perhaps cut");
  if (view.slower) phrases.push(describeSlower(view.slower));
  return phrases;
}

/**
 * @param {Facet} facet
 * @param {string[]} values  at least one
 */
function describeFacet(facet, values) {
  const label = FACET_LABELS[facet];
  const named = values.filter((value) => value !== "");
  const phrases = named.length ? [`${label} ${named.join(" or ")}`] : [];
  return [...phrases, ...(values.includes("") ? [`no ${label}`] : [])].join(" or ");
}

/**
 * A value that is filtered by, in words: "" stands for exchanges without one.
 * @param {Facet} facet
 * @param {string} value
 */
export function valueText(facet, value) {
  return value === "" ? `no ${FACET_LABELS[facet]}` : value;
}

/** @param {string} slower  seconds, or a number with its unit */
export function describeSlower(slower) {
  return Number.isNaN(Number(slower)) ? `slower than ${slower}` : `slower than ${slower} s`;
}
