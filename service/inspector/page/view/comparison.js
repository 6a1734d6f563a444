/** Two exchanges side by side: what their answers say differently, and their numbers. */

import { COMPARED } from "../state/tables.js";
import { difference, likeness } from "../text/diff.js";
import { change, shownAs } from "../text/format.js";
import { element } from "./elements.js";

/** Longer answers are compared up to here: a person reads no further, and the page must not stand still. */
const MOST_CHARACTERS = 200_000;

/** @typedef {Pick<import("../state/exchange_detail.js").ExchangeDetail, "record" | "conversation" | "explanation">} Exchange */

/**
 * @param {Exchange} before
 * @param {Exchange} after
 */
export function comparisonPart(before, after) {
  const [one, other] = [wordsOf(before), wordsOf(after)];
  const pieces = difference(one.slice(0, MOST_CHARACTERS), other.slice(0, MOST_CHARACTERS));
  const texts = one || other ? [
    element("p", { class: "quiet" }, verdict(one, other, pieces)),
    element(
      "div", { class: "both" },
      sidePart("before", before.record.model, pieces.filter((piece) => piece.kind !== "new"), "del"),
      sidePart("now", after.record.model, pieces.filter((piece) => piece.kind !== "gone"), "ins"),
    ),
  ] : [];
  return element(
    "section", { class: "comparison", "aria-label": "Comparison of both answers" }, ...texts, numbersTable(numbersOf(before), numbersOf(after)),
  );
}

/**
 * What an answer says, and after it a line for each tool that it calls.
 * @param {Exchange} exchange
 */
export function wordsOf({ record, conversation }) {
  const { text = record.response_text ?? "", tool_calls: calls = [] } = conversation?.answer ?? {};
  // Models write a blank or an empty line beside their calls, which is nothing to compare.
  return [text, ...calls.map((call) => `${call.name}(${call.arguments})`)].filter((part) => part.trim()).join("\n");
}

/**
 * @param {string} one
 * @param {string} other
 * @param {import("../text/diff.js").Piece[]} pieces
 */
export function verdict(one, other, pieces) {
  if (one === other) return "Both answers are the same, word for word.";
  if (!one || !other) return one ? "There is no new answer." : "There was no answer before.";
  const percent = Math.round(likeness(pieces) * 100);
  if (percent === 0) return "The answers have hardly a word in common.";
  return `About ${Math.min(percent, 99)} % of the words are the same.`;
}

/**
 * @param {string} title
 * @param {string | undefined} model
 * @param {import("../text/diff.js").Piece[]} pieces
 * @param {"del" | "ins"} marked
 */
function sidePart(title, model, pieces, marked) {
  const text = pieces.map((piece) => (piece.kind === "same" ? piece.text : element(marked, {}, piece.text)));
  const heading = element("h3", {}, [title, model].filter(Boolean).join(" · "));
  return element("div", { class: "turn assistant" }, heading, element("div", { class: "text", dir: "auto" }, ...text));
}

/**
 * The record with the seconds of each phase: the record's own leave short waits out, and the phases stand right above.
 * @param {Exchange} exchange
 * @returns {Record<string, unknown>}
 */
export function numbersOf({ record, explanation }) {
  return { ...record, ...Object.fromEntries((explanation?.phases ?? []).map(({ name, seconds }) => [name, seconds])) };
}

/**
 * @param {Record<string, unknown>} before
 * @param {Record<string, unknown>} after
 */
function numbersTable(before, after) {
  const rows = COMPARED.filter(([, key]) => before[key] !== undefined || after[key] !== undefined).map(([name, key, kind]) => element(
    "tr", {}, element("th", { scope: "row" }, name),
    ...[before[key], after[key]].map((value) => element("td", {}, shownAs(kind, value) || "–")),
    element("td", { class: "quiet" }, change(before[key], after[key])),
  ));
  const head = ["", "before", "now", "change"].map((name) => (name ? element("th", { scope: "col" }, name) : element("td")));
  return element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
