/** Where the time of an exchange went, and why: phases as a waterfall, findings in words. */

import { FINDING_TONES, PHASE_LABELS } from "../state/tables.js";
import { duration } from "../text/format.js";
import { element } from "./elements.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExplainedPhase} Phase
 * @typedef {import("../state/exchange_detail.js").Finding} Finding
 * @typedef {import("../state/exchange_detail.js").Explanation} Explanation
 */

const THINNEST = 0.4;

/**
 * @param {Explanation} explanation
 * @returns {HTMLElement[]}
 */
export function explanationParts(explanation) {
  const parts = (explanation.findings ?? []).map(findingPart);
  if (!parts.length && explanation.sentence) {
    parts.push(element("div", { class: "finding fine" }, element("p", {}, explanation.sentence)));
  }
  const phases = explanation.phases ?? [];
  return [...parts, ...(phases.length ? [waterfall(phases)] : [])];
}

/** @param {Finding} finding */
function findingPart({ kind, text, advice }) {
  const tone = FINDING_TONES[kind] ?? "warn";
  return element(
    "div", { class: `finding ${tone}` },
    element("p", {}, aboutPart(kind), ...leading(text)), advice ? element("p", { class: "advice" }, advice) : null,
  );
}

/**
 * That nothing held it up says nothing of what the answer is worth.
 * @param {string} kind
 */
function aboutPart(kind) {
  return kind === "quick" ? element("span", { class: "about" }, "Time: ") : null;
}

/**
 * The first sentence is what one came for.
 * @param {string} text
 */
function leading(text) {
  const end = /[.!?](?=\s)/.exec(text);
  if (!end) return [element("strong", {}, text)];
  return [element("strong", {}, text.slice(0, end.index + 1)), text.slice(end.index + 1)];
}

/** @param {Phase[]} phases */
function waterfall(phases) {
  const all = phases.reduce((most, phase) => Math.max(most, phase.begins + phase.seconds), 0) || 1;
  const rows = phases.map((phase) => {
    const bar = element("span", { class: `bar ${phase.name}` });
    const begins = Math.min((phase.begins / all) * 100, 100 - THINNEST);
    bar.style.marginInlineStart = `${begins}%`;
    bar.style.width = `${Math.min(Math.max(THINNEST, (phase.seconds / all) * 100), 100 - begins)}%`;
    return element(
      "tr", {},
      element("th", { scope: "row" }, PHASE_LABELS[phase.name] ?? phase.name),
      element("td", { class: "track", title: phase.text }, bar, element("span", { class: "unseen" }, phase.text)),
      element("td", { class: "seconds" }, duration(phase.seconds)),
    );
  });
  return element("table", { class: "waterfall", "aria-label": "Where the time went" }, element("tbody", {}, ...rows));
}
