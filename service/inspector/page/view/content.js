/** What may have made an answer nonsense, and what was asked differently than the time before. */

import { askForExchange } from "../state/exchange_detail.js";
import { difference } from "../text/diff.js";
import { comparisonPart } from "./comparison.js";
import { button, element } from "./elements.js";

/** @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail */
/** @typedef {import("../state/exchange_detail.js").ContentFinding} ContentFinding */

/** Kinds that are no reason to worry. */
const FINE = Object.freeze(["read_whole"]);

/**
 * @param {ExchangeDetail} detail
 * @param {import("./link.js").Link} link
 * @returns {(HTMLElement | null)[]}
 */
export function contentParts(detail, link) {
  return [...(detail.content ?? []).map(findingPart), beforePart(detail, link)];
}

/** @param {ContentFinding} finding */
export function findingPart({ kind, text, advice, before, now }) {
  const hasTexts = before !== undefined && now !== undefined;
  return element(
    "div", { class: `finding ${FINE.includes(kind) ? "fine" : "warn"}` },
    element("p", {}, element("span", { class: "about" }, "Content: "), element("strong", {}, text)),
    advice ? element("p", { class: "advice" }, advice) : null,
    hasTexts ? element("details", {}, element("summary", {}, "What differs"), wordsPart(before, now)) : null,
  );
}

/**
 * @param {string} before
 * @param {string} now
 */
function wordsPart(before, now) {
  const pieces = difference(before, now).map(({ kind, text }) => (kind === "same" ? text : element(kind === "gone" ? "del" : "ins", {}, text)));
  return element("div", { class: "text", dir: "auto" }, ...pieces);
}

/**
 * The call before, and both side by side.
 * @param {ExchangeDetail} detail
 * @param {import("./link.js").Link} link
 */
function beforePart(detail, link) {
  const { call_before: before, calls_of: of } = detail;
  if (!before || !of) return null;
  const comparing = button(`Compare with the one before of this ${of}`, () => void compare());
  return element("p", { class: "relatives" }, link({ show: before }, `The one before of this ${of}`), comparing);

  async function compare() {
    try {
      const other = await askForExchange(/** @type {string} */ (before));
      comparing.closest("p")?.after(comparisonPart(other, detail));
      comparing.remove();
    } catch (error) {
      comparing.replaceWith(element("span", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }
}
