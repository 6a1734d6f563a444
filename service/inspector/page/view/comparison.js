/** Two exchanges side by side: what their answers say differently, and their numbers. */

import { difference, likeness } from "../text/diff.js";
import { element } from "./elements.js";
import { change, duration, rate, whole } from "../text/format.js";

/** Longer answers are compared up to here: a person reads no further, and the page must not stand still. */
const MOST_CHARACTERS = 200_000;

/**
 * @typedef {{text?: string, tool_calls?: import("./conversation.js").ToolCall[]}} Answer
 * @typedef {import("./explanation.js").Explanation} Explanation
 * @typedef {{record: Record<string, any>, conversation?: {answer?: Answer | null}, explanation?: Explanation}} Said  of /exchanges/ID.json
 */

/**
 * @param {Said} before
 * @param {Said} after
 */
export function comparisonPart(before, after) {
  const [one, other] = [wordsOf(before), wordsOf(after)];
  const found = difference(one.slice(0, MOST_CHARACTERS), other.slice(0, MOST_CHARACTERS));
  return element(
    "section", { class: "comparison", "aria-label": "Comparison of both answers" },
    one || other ? element("p", { class: "quiet" }, verdict(one, other, found)) : null,
    one || other ? element(
      "div", { class: "both" },
      side("before", before.record.model, found.filter((piece) => piece.kind !== "new"), "del"),
      side("now", after.record.model, found.filter((piece) => piece.kind !== "gone"), "ins"),
    ) : null,
    numbers(numbersOf(before), numbersOf(after)),
  );
}

/**
 * What an answer says, and after it a line for each tool that it calls.
 * @param {Said} said
 */
export function wordsOf({ record, conversation }) {
  const { text = record.response_text ?? "", tool_calls: calls = [] } = conversation?.answer ?? {};
  // Models write a blank or an empty line beside their calls, which is nothing to compare.
  return [text, ...calls.map((call) => `${call.name}(${call.arguments})`)].filter((part) => part.trim()).join("\n");
}

/**
 * @param {string} one
 * @param {string} other
 * @param {import("../text/diff.js").Piece[]} found
 */
export function verdict(one, other, found) {
  if (one === other) return "Both answers are the same, word for word.";
  if (!one || !other) return one ? "There is no new answer." : "There was no answer before.";
  const percent = Math.round(likeness(found) * 100);
  if (percent === 0) return "The answers have hardly a word in common.";
  return `About ${Math.min(percent, 99)} % of the words are the same.`;
}

/**
 * @param {string} title
 * @param {string | undefined} model
 * @param {import("../text/diff.js").Piece[]} pieces
 * @param {"del" | "ins"} marked
 */
function side(title, model, pieces, marked) {
  const text = pieces.map((piece) => (piece.kind === "same" ? piece.text : element(marked, {}, piece.text)));
  return element("div", { class: "turn assistant" }, element("h3", {}, [title, model].filter(Boolean).join(" · ")), element("div", { class: "text", dir: "auto" }, ...text));
}

const NUMBERS = /** @type {[string, string, (value: any) => string][]} */ ([
  ["took", "request_time", duration], ["sending the request", "upload_time", duration], ["waiting to run", "wait", duration], ["reading the prompt", "prompt", duration],
  ["generating", "generation", duration], ["speed", "tokens_per_second", rate], ["tokens in", "prompt_tokens", whole],
  ["tokens out", "completion_tokens", whole],
]);

/**
 * The record with the seconds of each phase: the record's own leave short waits out, and the phases stand right above.
 * @param {Said} said
 * @returns {Record<string, any>}
 */
export function numbersOf({ record, explanation }) {
  return { ...record, ...Object.fromEntries((explanation?.phases ?? []).map(({ name, seconds }) => [name, seconds])) };
}

/**
 * @param {Record<string, any>} before
 * @param {Record<string, any>} after
 */
function numbers(before, after) {
  const rows = NUMBERS.filter(([, key]) => before[key] !== undefined || after[key] !== undefined).map(([name, key, say]) => element(
    "tr", {}, element("th", { scope: "row" }, name),
    ...[before[key], after[key]].map((value) => element("td", {}, value === undefined ? "–" : say(value))),
    element("td", { class: "quiet" }, change(before[key], after[key])),
  ));
  const head = ["", "before", "now", "change"].map((name) => (name ? element("th", { scope: "col" }, name) : element("td")));
  return element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
