/** Where the time of an exchange went, and why: phases as a waterfall, findings in words. */

import { element } from "./elements.js";
import { duration } from "../text/format.js";

/**
 * @typedef {{name: string, seconds: number, begins: number, text: string}} Phase
 * @typedef {{kind: string, text: string, advice?: string}} Finding
 * @typedef {{sentence?: string, phases: Phase[], findings: Finding[]}} Explanation
 */

const NAMES = Object.freeze(/** @type {Record<string, string>} */ ({
  wait: "waiting to run", prompt: "reading the prompt", generation: "generating", sending: "sending",
}));
const BAD = new Set(["failed", "client_left"]);
const FINE = new Set(["quick"]);
const THINNEST = 0.4;

/**
 * @param {Explanation} explanation
 * @returns {HTMLElement[]}
 */
export function explanationParts(explanation) {
  const findings = explanation.findings ?? [];
  const said = findings.map((finding) => element(
    "div", { class: `finding ${BAD.has(finding.kind) ? "bad" : FINE.has(finding.kind) ? "fine" : "warn"}` },
    element("p", {}, ...leading(finding.text)),
    finding.advice ? element("p", { class: "advice" }, finding.advice) : null,
  ));
  if (!said.length && explanation.sentence) said.push(element("div", { class: "finding fine" }, element("p", {}, explanation.sentence)));
  const phases = explanation.phases ?? [];
  return [...said, ...(phases.length ? [waterfall(phases)] : [])];
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
      element("th", { scope: "row" }, NAMES[phase.name] ?? phase.name),
      element("td", { class: "track", title: phase.text }, bar, element("span", { class: "unseen" }, phase.text)),
      element("td", { class: "seconds" }, duration(phase.seconds)),
    );
  });
  return element("table", { class: "waterfall", "aria-label": "Where the time went" }, element("tbody", {}, ...rows));
}
