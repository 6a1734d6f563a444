/** One row of the list. Rows are made once and filled again and again while one scrolls. */

import { element, say } from "./elements.js";
import { phasesOf } from "../state/phases.js";
import { marksOf, stepOf, whoAsked } from "../text/exchange_text.js";
import { clock, day, duration, rate } from "../text/format.js";

/** @typedef {import("../state/summary.js").Summary} Summary */

/**
 * @typedef {{full: number, slow: number}} Measure  seconds that fill the bar of phases; and from which on one is slow
 * @typedef {object} Row
 * @property {HTMLElement} root
 * @property {(entry: Summary, now: number, measure: Measure) => void} fill
 * @property {(now: number) => void} tick  moves the clock of one in flight
 */

/** @returns {Row} */
export function makeRow() {
  const time = element("span", { class: "time" });
  const date = element("span", { class: "date" });
  const name = element("b");
  const further = element("span");
  const marks = element("span", { class: "marks" });
  const took = element("span", { class: "took" });
  const speed = element("span", { class: "speed" });
  const asked = element("span", { class: "asked" });
  const answered = element("span", { class: "answered" });
  const phases = element("span", { class: "phases" });
  const root = element(
    "div", { class: "row", role: "option" },
    element("span", { class: "when" }, time, date),
    element("span", { class: "who" }, element("span", { class: "names" }, name, further), marks),
    took,
    element("span", { class: "excerpts" }, asked, answered),
    speed,
    phases,
  );
  /** @type {Summary | undefined} */
  let shown;

  /** @param {number} now */
  function tick(now) {
    if (shown?.isOpen) say(took, `${duration(Math.max(0, now - shown.started) / 1000)} …`);
  }

  return {
    root,
    tick,
    fill(entry, now, measure) {
      shown = entry;
      const who = whoAsked(entry);
      const noted = entry.isOpen ? [] : marksOf(entry, measure.slow);
      root.classList.toggle("open", Boolean(entry.isOpen));
      root.classList.toggle("failed", Boolean(entry.failed));
      root.classList.toggle("minor", !entry.prompt && !entry.model && !entry.failed && !entry.isOpen);
      say(time, entry.isOpen ? "now" : clock(entry.ended));
      say(date, entry.isOpen ? "" : day(entry.ended, now));
      say(name, who.name);
      const operation = entry.operation && entry.operation !== "chat" ? entry.operation : "";
      say(further, [...who.further, ...[entry.model, operation, stepOf(entry)].filter(Boolean).map((part) => `· ${part}`)].map((part) => ` ${part}`).join(""));
      marks.replaceChildren(...noted.map((mark) => element("span", { class: `mark ${mark.tone}`, title: mark.text }, mark.text)));
      if (!entry.isOpen) say(took, duration(entry.request_time));
      say(speed, entry.isOpen ? "" : rate(entry.tokens_per_second));
      say(asked, entry.prompt || entry.address || "");
      say(answered, answerOf(entry));
      phases.replaceChildren(...bars(entry, measure.full));
      tick(now);
    },
  };
}

/** @param {Summary} entry */
function answerOf(entry) {
  if (entry.answer) return `→ ${entry.answer}`;
  return entry.failed && entry.error ? `→ ${entry.error}` : "";
}

/**
 * Each phase as long as it took, on one scale for all rows: the slow ones stick out.
 * @param {Summary} entry
 * @param {number} full
 */
function bars(entry, full) {
  const phases = phasesOf(entry);
  const all = Math.max(full, entry.request_time ?? 0);
  return phases.map(({ name, seconds }) => {
    const bar = element("span", { class: name });
    bar.style.width = `${Math.max(0.2, (seconds / all) * 100)}%`;
    return bar;
  });
}
