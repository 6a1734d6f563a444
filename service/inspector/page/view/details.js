/** The smaller print of an exchange: its parameters, its numbers and its ids. */

import { DETAILS, OUTCOMES } from "../state/tables.js";
import { counted, shownField } from "../text/format.js";
import { copy, element } from "./elements.js";

/**
 * @typedef {import("../state/tables.js").RecordLine} RecordLine
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

/** Fields that are shown as more than their value. @type {Partial<Record<keyof RecordLine, (record: RecordLine, value: string) => string | Node>>} */
const SPECIAL = Object.freeze({
  outcome: (_, value) => `${OUTCOMES[value] ?? value} (${value})`,
  request_uri: (record, value) => `${record.method} ${value}`,
  exchange: (_, value) => copiedPart(value),
  trace_id: (_, value) => copiedPart(value),
});

/** @param {RecordLine} record */
export function numbersPart(record, isOpen = false) {
  return foldedPart("Numbers and ids", isOpen, listPart(DETAILS.map((field) => [field.label, detail(record, field)])));
}

/**
 * @param {RecordLine} record
 * @param {(typeof DETAILS)[number]} field
 */
function detail(record, { name, kind, unit }) {
  const value = record[name];
  const special = SPECIAL[name];
  return special && value ? special(record, String(value)) : shownField(kind, unit, value);
}

/** @param {string} id */
function copiedPart(id) {
  const copying = element("button", { type: "button", class: "plain", "aria-label": `Copy ${id}`, onclick: async () => {
    copying.textContent = (await copy(id)) ? "copied" : "not copied";
  } }, "copy");
  return element("span", { class: "id" }, element("code", {}, id), " ", copying);
}
