/** The table of totals: a row for each model, workflow, user and so on, sorted by any of its columns. */

import { duration, energyOfCalls, rate, short, whole } from "../text/format.js";
import { valueText } from "../text/view_description.js";
import { element } from "./elements.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {(typeof import("../state/tables.js").GROUPINGS)[number]} Grouping
 *
 * @typedef {object} Group  of /stats.json; times are seconds, shares from 0 to 1
 * @property {string} name  "": those without one
 * @property {number} calls
 * @property {number} failed
 * @property {number | null} mean
 * @property {number | null} p50
 * @property {number | null} p95
 * @property {number} tokens_in
 * @property {number} tokens_out
 * @property {number | null} rate_median  tokens per second
 * @property {number} total
 * @property {number} total_share
 * @property {number} model_time
 * @property {number} model_share
 * @property {number} waited
 * @property {number} [made_wait]  absent where all recorders are added up: others wait at other Ollamas
 * @property {number | null} energy  joules, an estimate
 * @property {number} energy_calls  of how many of them a meter told it
 *
 * @typedef {Exclude<keyof Group, "name">} Column
 */

const MOST_ROWS = 200;
const USUAL_SORT = "total";
/**
 * What is told of a group: its key, its head, what that means, and how it is shown.
 * @typedef {[Column, string, string, (group: Group) => string]} Told
 */
/** A column of the table has several of them, one below the other: all are in sight on a small screen. */
const COLUMNS = Object.freeze(/** @type {Told[][]} */ ([
  [
    ["calls", "calls", "how many there were", ({ calls }) => short(calls)],
    ["failed", "failed", "how many were not completed", ({ failed }) => short(failed)],
  ],
  [
    ["total", "total time", "how long all of them took", ({ total }) => duration(total)],
    ["total_share", "share", "which part that is of the time that all took", ({ total_share: share }) => percent(share)],
    ["model_time", "model time", "how long a model read and wrote for them", ({ model_time: time }) => some(time)],
  ],
  [
    ["mean", "mean", "how long one took on average", ({ mean }) => duration(mean)],
    ["p50", "median", "half of them took no longer", ({ p50 }) => duration(p50)],
    ["p95", "p95", "95 of 100 took no longer", ({ p95 }) => duration(p95)],
  ],
  [
    ["tokens_in", "tokens in", "of their prompts", ({ tokens_in: tokens }) => short(tokens)],
    ["tokens_out", "tokens out", "of their answers", ({ tokens_out: tokens }) => short(tokens)],
    ["rate_median", "speed", "the median of tokens a second", ({ rate_median: median }) => rate(median) || "–"],
  ],
  [
    ["waited", "waited", "how long they waited for a place, for the model to be loaded and for their turn", ({ waited }) => some(waited)],
    [
      "made_wait", "made wait", "how long they made others wait: while a model worked for these; those who work at once share it",
      ({ made_wait: made }) => some(made),
    ],
    [
      "energy", "energy", "an estimate: what this machine used meanwhile, shared out over the calls in flight",
      ({ energy: joules, energy_calls: metered, calls }) => energyOfCalls(joules, metered, calls),
    ],
  ],
]));
const TOLD = Object.freeze(COLUMNS.flat());

/** @param {number} share */
function percent(share) {
  return share > 0 && share < 0.005 ? "< 1 %" : `${(share * 100).toFixed(0)} %`;
}

/** @param {number | undefined} seconds */
function some(seconds) {
  return seconds ? duration(seconds) : "–";
}

/**
 * @param {Group[]} groups
 * @param {Grouping} by
 * @param {Address} address
 * @param {number} loadMadeWait  seconds that calls waited while a model was loaded and none worked
 * @returns {HTMLElement[]} the parts of a table
 */
export function groupTableParts(groups, by, address, loadMadeWait) {
  const sort = sortOf(address.view.sort);
  const columns = columnsOf(groups);
  const rows = sorted(groups, sort).slice(0, MOST_ROWS).map((group) => rowPart(group, by, address, columns));
  const parts = [element("thead", {}, headPart(by, sort, address, columns)), element("tbody", {}, ...rows)];
  if (loadMadeWait) parts.push(element("tfoot", {}, loadPart(loadMadeWait)));
  const left = groups.length - MOST_ROWS;
  return left > 0 ? [element("caption", {}, `${whole(MOST_ROWS)} of ${whole(groups.length)} are shown; the table as a file has all.`), ...parts] : parts;
}

/**
 * Without a meter nobody asks for energy.
 * @param {Group[]} groups
 */
function columnsOf(groups) {
  if (groups.some((group) => typeof group.energy === "number")) return COLUMNS;
  return COLUMNS.map((told) => told.filter(([key]) => key !== "energy"));
}

/**
 * @typedef {{key: Column | "name", isUp: boolean}} Sort  `isUp`: the least first
 * @param {string} text  a column's key, with a minus before it for the least first
 * @returns {Sort}
 */
function sortOf(text) {
  const key = text.replace(/^-/, "");
  const known = key === "name" ? key : TOLD.find(([column]) => column === key)?.[0];
  return { key: known ?? USUAL_SORT, isUp: known !== undefined && text.startsWith("-") };
}

/** @param {Sort} sort */
function sortText({ key, isUp }) {
  return key === USUAL_SORT && !isUp ? "" : `${isUp ? "-" : ""}${key}`;
}

/**
 * @param {Group[]} groups
 * @param {Sort} sort
 */
function sorted(groups, { key, isUp }) {
  const direction = isUp ? -1 : 1;
  return [...groups].sort((one, other) => direction * (
    key === "name" ? one.name.localeCompare(other.name) : (other[key] ?? -1) - (one[key] ?? -1)
  ));
}

/**
 * @param {Grouping} by
 * @param {Sort} sort
 * @param {Address} address
 * @param {readonly Told[][]} columns
 */
function headPart(by, sort, address, columns) {
  /** @param {Sort["key"]} key @param {string} label @param {string} meaning */
  const head = (key, label, meaning) => {
    const isSorted = sort.key === key;
    return element("button", {
      type: "button", class: isSorted ? "plain head on" : "plain head", title: meaning, "data-key": key,
      onclick: () => address.go({ sort: sortText({ key, isUp: isSorted && !sort.isUp }) }, { replace: true }),
    }, label, element("span", { class: "arrow", "aria-hidden": "true" }, isSorted ? (isAscending(sort) ? "↑" : "↓") : ""));
  };
  const heads = columns.map((told) => element(
    "th", { scope: "col", "aria-sort": told.some(([key]) => key === sort.key) ? direction(sort) : null },
    ...told.map(([key, label, meaning]) => head(key, label, meaning)),
  ));
  return element(
    "tr", {}, element("th", { scope: "col", "aria-sort": sort.key === "name" ? direction(sort) : null }, head("name", by, `the name of each ${by}`)),
    ...heads,
  );
}

/**
 * What is nobody's: in the column of those who made others wait.
 * @param {number} seconds
 */
function loadPart(seconds) {
  const meaning = "How long calls waited while a model was loaded and none worked. Why it was loaded stands in each of them.";
  const cells = COLUMNS.map((told) => element("td", {}, ...told.map(([key, label]) => (
    key === "made_wait" ? element("span", { class: "told quiet", title: label }, element("span", { class: "unseen" }, `${label} `), duration(seconds)) : null
  ))));
  return element("tr", { title: meaning }, element("th", { scope: "row" }, "a model was loaded"), ...cells);
}

/**
 * A name is looked up from A on: to that its first press leads.
 * @param {Sort} sort
 */
function isAscending({ key, isUp }) {
  return isUp !== (key === "name");
}

/** @param {Sort} sort */
function direction(sort) {
  return isAscending(sort) ? "ascending" : "descending";
}

/**
 * @param {Group} group
 * @param {Grouping} by
 * @param {Address} address
 * @param {readonly Told[][]} columns
 */
function rowPart(group, by, address, columns) {
  const bar = element("span", { class: "share", "aria-hidden": "true" });
  bar.style.width = `${Math.max(1, group.total_share * 100)}%`;
  const label = valueText(by, group.name);
  const name = element("button", {
    type: "button", class: group.name ? "plain" : "plain quiet", title: `Only ${label}`,
    onclick: () => address.go({ [by]: [group.name], tab: "" }),
  }, label);
  return element("tr", {}, element("th", { scope: "row" }, name, bar), ...columns.map((told) => element(
    "td", {}, ...told.map((one, index) => valuePart(group, one, index > 0)),
  )));
}

/**
 * @param {Group} group
 * @param {Told} told
 * @param {boolean} isBelow  another: then the head is far, and who does not see it is told which it is
 */
function valuePart(group, [key, label, , show], isBelow) {
  const isExact = key === "calls" || key === "failed" || key.startsWith("tokens");
  const tone = key === "failed" && group.failed ? "told bad" : isBelow ? "told quiet" : "told";
  return element(
    "span", { class: tone, "data-key": key, title: isExact ? `${label}: ${whole(group[key])}` : label },
    isBelow ? element("span", { class: "unseen" }, `, ${label} `) : null, show(group),
  );
}
