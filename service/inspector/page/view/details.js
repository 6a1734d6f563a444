/** The smaller print of an exchange: its parameters, its numbers and its ids. */

import { DETAILS, OUTCOMES } from "../state/tables.js";
import { counted, moment, shownAs, size } from "../text/format.js";
import { copy, element } from "./elements.js";

/**
 * @typedef {import("../state/tables.js").RecordLine} RecordLine
 * @typedef {import("../state/tables.js").DetailKind} DetailKind
 * @typedef {import("../state/exchange_detail.js").Tool} Tool
 */

const LONGEST_DESCRIPTION = 160;

/**
 * @param {string} title
 * @param {boolean} isOpen
 * @param {...(HTMLElement | null)} parts
 */
export function foldedPart(title, isOpen, ...parts) {
  return element("details", { class: "fold", open: isOpen }, element("summary", {}, element("h3", {}, title)), ...parts);
}

/** @param {[string, string | Node][]} pairs  names and values; those that are "" or a dash are left out */
function listPart(pairs) {
  const known = pairs.filter(([, value]) => value !== "" && value !== "–");
  if (!known.length) return null;
  return element("dl", { class: "pairs" }, ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/**
 * @param {Record<string, unknown>} [parameters]
 * @param {Tool[]} [tools]
 */
export function parametersPart(parameters = {}, tools = []) {
  const pairs = Object.entries(parameters).map(([name, value]) => /** @type {[string, string | Node]} */ ([name, parameterValue(value)]));
  if (!pairs.length && !tools.length) return null;
  return foldedPart("Parameters", true, listPart(pairs), tools.length ? toolsPart(tools) : null);
}

/** @param {unknown} value */
function parameterValue(value) {
  return typeof value === "object" && value !== null ? element("pre", {}, JSON.stringify(value, null, 2)) : String(value);
}

/** @param {Tool[]} tools */
function toolsPart(tools) {
  return element("div", { class: "tools" }, element("p", { class: "quiet" }, `${counted(tools.length, "tool")} offered`), ...tools.map(toolPart));
}

/** @param {Tool} tool */
function toolPart(tool) {
  const { name, description } = tool?.function ?? tool ?? {};
  const heading = element(
    "summary", {}, element("code", {}, String(name ?? "tool")), description ? ` ${String(description).slice(0, LONGEST_DESCRIPTION)}` : "",
  );
  return element("details", { class: "tool" }, heading, element("pre", {}, JSON.stringify(tool, null, 2)));
}

/** What is more than one value, or more than a text. @type {Record<DetailKind, (record: RecordLine, value: string) => string | Node>} */
const SHOWN = Object.freeze({
  outcome: (_, value) => `${OUTCOMES[value] ?? value} (${value})`,
  moment: (_, value) => moment(Date.parse(value), Date.now()),
  sizes: (record) => `${size(record.request_bytes ?? 0)}, ${size(record.response_bytes ?? 0)}`,
  address: (record, value) => `${record.method} ${value}`,
  id: (_, value) => copiedPart(value),
});

/** @param {string} kind @returns {kind is DetailKind} */
const isOfDetails = (kind) => kind in SHOWN;

/** @param {RecordLine} record */
export function numbersPart(record) {
  return foldedPart("Numbers and ids", false, listPart(DETAILS.map(([label, field, kind]) => {
    const value = record[field];
    if (!isOfDetails(kind)) return [label, shownAs(kind, value)];
    // Nothing sent or answered is a size too.
    return [label, value || kind === "sizes" ? SHOWN[kind](record, String(value)) : ""];
  })));
}

/** @param {string} id */
function copiedPart(id) {
  const copying = element("button", { type: "button", class: "plain", "aria-label": `Copy ${id}`, onclick: async () => {
    copying.textContent = (await copy(id)) ? "copied" : "not copied";
  } }, "copy");
  return element("span", { class: "id" }, element("code", {}, id), " ", copying);
}
