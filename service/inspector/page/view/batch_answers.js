/** Both answers of one prompt of a batch, what differs, and the buttons that judge them. */

import { isAborted, oneAtATime } from "../state/api.js";
import { askForExchange } from "../state/exchange_detail.js";
import { comparisonPart } from "./comparison.js";
import { button, element, replace } from "./elements.js";

/**
 * @typedef {import("../state/replay_batches.js").BatchRow} BatchRow
 * @typedef {import("../state/replay_batches.js").Verdict} Verdict
 */

/** The verdicts, each with its key and its words. @type {readonly [Verdict, string, string][]} */
export const VERDICTS = Object.freeze([
  ["old", "1", "old better"], ["new", "2", "new better"], ["same", "3", "both alike"], ["bad", "4", "both bad"],
]);

/** What is told of exchanges that were erased, or are older than what is kept. */
export const GONE = Object.freeze({
  old: "the old one is not here any more", new: "the new one is not here any more", both: "both are not here any more",
});

/** @param {(verdict: Verdict) => void} give  judges the prompt that is shown */
export function makeBatchAnswers(give) {
  const root = element("div", { class: "both-answers" });
  const verdicts = VERDICTS.map(([name, key, words]) => button(`${words} (${key})`, () => give(name)));
  const asking = oneAtATime();
  let shown = "";

  /** @param {BatchRow} row */
  async function compare(row) {
    if (!row.old || !row.new) {
      const why = row.error ?? (row.gone && GONE[row.gone]);
      return replace(root, why ? element("p", { class: row.error ? "bad" : "note" }, why) : null);
    }
    const signal = asking.next();
    try {
      const old = await askForExchange(row.old.exchange, signal);
      const now = await askForExchange(row.new.exchange, signal);
      replace(
        root, element("p", { class: "question", dir: "auto" }, row.prompt), element("p", { class: "verdicts" }, ...verdicts), comparisonPart(old, now),
      );
    } catch (error) {
      if (isAborted(error)) return;
      shown = "";
      replace(root, element("p", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }

  return {
    root,
    /** @param {BatchRow} row */
    show(row) {
      VERDICTS.forEach(([name], index) => verdicts[index].setAttribute("aria-pressed", String(row.verdict === name)));
      const wanted = `${row.place} ${row.old?.exchange} ${row.new?.exchange} ${row.error}`;
      if (wanted === shown) return;
      shown = wanted;
      void compare(row);
    },
    forget() {
      shown = "";
      asking.stop();
      replace(root);
    },
  };
}
