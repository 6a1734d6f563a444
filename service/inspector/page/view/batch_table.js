/** The table of a batch: a row for each prompt, both answers of the one that is chosen, and a verdict by a key. */

import { judge } from "../state/replay_batches.js";
import { duration, rate, whole } from "../text/format.js";
import { GONE, makeBatchAnswers, VERDICTS } from "./batch_answers.js";
import { button, element, replace, within } from "./elements.js";

/**
 * @typedef {import("../state/replay_batches.js").Batch} Batch
 * @typedef {import("../state/replay_batches.js").BatchRow} BatchRow
 * @typedef {import("../state/replay_batches.js").Side} Side
 * @typedef {import("../state/replay_batches.js").Verdict} Verdict
 *
 * @typedef {object} Dependencies
 * @property {(id: string) => void} open  shows an exchange
 * @property {() => void} again  loads the batch anew
 */

const COLUMNS = Object.freeze(["prompt", "alike", "words", "took", "speed", "ended", "verdict"]);

/** @param {Dependencies} dependencies */
export function makeBatchTable({ open, again }) {
  const body = element("tbody");
  const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)));
  const answers = makeBatchAnswers((verdict) => void give(verdict));
  const wide = element("div", { class: "wide" }, element("table", { class: "groups batch" }, element("thead", {}, head), body));
  const root = element("div", { class: "batch-rows", tabindex: "0", role: "group", "aria-label": "Prompts, old and new" }, keysPart(), answers.root, wide);
  /** @type {Batch | undefined} */
  let batch;
  let chosen = -1;

  const rowAt = (/** @type {number} */ place) => batch?.rows.find((row) => row.place === place);

  function draw() {
    const rows = (batch?.rows ?? []).map((row) => rowPart(row, open));
    rows.forEach((row, place) => {
      row.setAttribute("aria-current", String(place === chosen));
      row.addEventListener("click", () => choose(place));
    });
    replace(body, ...rows);
    const row = rowAt(chosen);
    if (row) answers.show(row);
  }

  /** @param {number} place */
  function choose(place) {
    if (!rowAt(place)) return;
    chosen = place;
    draw();
    within(body, "[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Verdict} verdict */
  async function give(verdict) {
    const [row, id] = [rowAt(chosen), batch?.batch];
    if (!row?.new || !id) return;
    row.verdict = verdict;
    const next = batch?.rows.find((other) => other.place > row.place && other.new && !other.verdict);
    choose(next ? next.place : row.place);
    await judge(id, row.place, verdict).catch(() => {});
    // The sentence says the numbers; and a verdict that was not taken goes again.
    again();
  }

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const verdict = VERDICTS.find(([, key]) => key === event.key);
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!verdict && !by) return;
    event.preventDefault();
    event.stopPropagation();
    if (verdict) void give(verdict[0]);
    else choose(Math.max(0, chosen + (by ?? 0)));
  });

  return {
    root,
    /** @param {Batch} told */
    show(told) {
      batch = told;
      if (chosen < 0) chosen = told.rows.find((row) => row.new && !row.verdict)?.place ?? 0;
      draw();
    },
    forget() {
      [chosen, batch] = [-1, undefined];
      answers.forget();
    },
  };
}

function keysPart() {
  const keys = VERDICTS.flatMap(([, key, words]) => [element("kbd", {}, key), ` ${words}  `]);
  return element("p", { class: "keys" }, ...keys, element("kbd", {}, "↑"), " ", element("kbd", {}, "↓"), " prompt");
}

/**
 * @param {BatchRow} row
 * @param {(id: string) => void} open
 */
function rowPart(row, open) {
  const verdict = VERDICTS.find(([name]) => name === row.verdict);
  const link = (/** @type {Side | undefined} */ side, /** @type {string} */ text) => (
    side ? button(text, () => open(side.exchange), { class: "plain", title: side.model }) : null
  );
  return element(
    "tr", {},
    element(
      "th", { scope: "row" }, element("bdi", {}, row.prompt ?? row.exchange.slice(0, 12)),
      element("small", {}, row.who ? `${row.who} ` : "", link(row.old, "old"), " ", link(row.new, "new")),
    ),
    element("td", {}, row.likeness === undefined ? "–" : `${Math.round(row.likeness * 100)} %`),
    bothPart(row, ({ words }) => (words === undefined ? "" : whole(words))), bothPart(row, ({ seconds }) => duration(seconds)),
    bothPart(row, ({ speed }) => rate(speed)), bothPart(row, endingOf),
    element("td", {}, row.error ?? [verdict?.[2], row.gone && GONE[row.gone]].filter(Boolean).join(", ")),
  );
}

/**
 * The old one above the new one.
 * @param {BatchRow} row
 * @param {(side: Side) => string} told
 */
function bothPart(row, told) {
  const part = (/** @type {Side | undefined} */ side) => element("div", {}, (side && told(side)) || "–");
  return element("td", {}, part(row.old), part(row.new));
}

/** @param {Side} side */
function endingOf({ ended = "", json, tools = [], failed }) {
  const format = json === undefined ? "" : json ? "JSON" : "no JSON";
  return [failed ? "failed" : ended, format, ...tools].filter(Boolean).join(", ");
}
