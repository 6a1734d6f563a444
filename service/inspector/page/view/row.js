/** One row of the list. Rows are made once and filled again and again while one scrolls. */

import { executionUrl } from "../state/executions.js";
import { addressAt } from "../state/recorders.js";
import { marksOf, namesOf } from "../text/exchange_text.js";
import { clock, day, duration, rate, short } from "../text/format.js";
import { element, setText } from "./elements.js";

/**
 * @typedef {import("../state/summary.js").ListedExchange} ListedExchange
 * @typedef {import("../state/columns.js").Column} Column
 */

/** So many characters before a word that was found. */
const MOST_BEFORE = 12;

/** The head of each column and its value; "" where that is unknown. @type {Readonly<Record<Column, [string, (exchange: ListedExchange) => string]>>} */
export const COLUMN_TEXTS = Object.freeze({
  wait: ["wait", ({ wait_time: seconds }) => (seconds === undefined ? "" : duration(seconds))],
  first: ["first token", ({ time_to_first_token: seconds }) => (seconds === undefined ? "" : duration(seconds))],
  speed: ["speed", ({ tokens_per_second: speed }) => rate(speed)],
  tokens: ["tokens", ({ prompt_tokens: asked, completion_tokens: answered }) => (
    asked === undefined && answered === undefined ? "" : `${short(asked)} → ${short(answered)}`
  )],
  user: ["user", ({ user = "" }) => user],
  upstream: ["Ollama", ({ upstream = "" }) => upstream],
});

/**
 * @typedef {{full: number, slow: number}} Measure  seconds that fill the bar of phases; and from which on one is slow
 * @typedef {object} Row
 * @property {HTMLElement} root
 * @property {(exchange: ListedExchange, now: number, measure: Measure, columns: Column[]) => void} fill
 * @property {(now: number) => void} tick  moves the clock of one in flight
 */

/** @returns {Row} */
export function makeRow() {
  const time = element("span", { class: "time" });
  const date = element("span", { class: "date" });
  const names = element("span", { class: "names" });
  const marks = element("span", { class: "marks" });
  const execution = makeExecutionLink();
  const recorder = makeRecorderLink();
  const took = element("span", { class: "took" });
  const told = element("span", { class: "told-columns" });
  const asked = element("span", { class: "asked" });
  const answered = element("span", { class: "answered" });
  const phases = element("span", { class: "phases" });
  const root = element(
    "div", { class: "row", role: "option" },
    element("span", { class: "when" }, time, date),
    element("span", { class: "who" }, names, marks, execution, recorder),
    took,
    element("span", { class: "second" }, element("span", { class: "excerpts" }, asked, answered), told),
    phases,
  );
  /** @type {ListedExchange | undefined} */
  let shown;

  /** @param {number} now */
  function tick(now) {
    if (shown?.isOpen) setText(took, `${duration(Math.max(0, now - shown.started) / 1000)} …`);
  }

  return {
    root,
    tick,
    fill(exchange, now, measure, columns) {
      shown = exchange;
      const noted = exchange.isOpen ? [] : marksOf(exchange, measure.slow);
      root.classList.toggle("open", Boolean(exchange.isOpen));
      root.classList.toggle("failed", Boolean(exchange.failed));
      root.classList.toggle("minor", !exchange.prompt && !exchange.model && !exchange.failed && !exchange.isOpen);
      setText(time, exchange.isOpen ? "now" : clock(exchange.ended));
      setText(date, exchange.isOpen ? "" : day(exchange.ended, now));
      names.replaceChildren(...namesOf(exchange).flatMap(nameParts));
      const address = executionUrl(exchange);
      execution.hidden = !address;
      execution.setAttribute("href", address);
      fillRecorderLink(recorder, exchange);
      marks.replaceChildren(...noted.map((mark) => element("span", { class: `mark ${mark.tone}`, title: mark.text }, mark.text)));
      if (!exchange.isOpen) setText(took, duration(exchange.request_time));
      told.replaceChildren(...columns.map((column) => columnPart(exchange, column)));
      asked.replaceChildren(...askedParts(exchange));
      setText(answered, answerOf(exchange));
      phases.replaceChildren(...bars(exchange, measure.full));
      tick(now);
    },
  };
}

/** For the mouse: whoever uses keys or hears the page has the same link in the opened exchange. */
function makeExecutionLink() {
  const outside = { target: "_blank", rel: "noopener noreferrer", tabindex: "-1", "aria-hidden": "true" };
  const link = element("a", { class: "execution", title: "The execution in n8n", ...outside }, "n8n ↗");
  // It opens nothing here.
  link.addEventListener("click", (event) => event.stopPropagation());
  return link;
}

/** Which recorder has it, where those of all are listed. It leads to the same exchange there. */
function makeRecorderLink() {
  const link = element("a", { class: "execution", target: "_blank", rel: "noopener noreferrer", tabindex: "-1" });
  link.addEventListener("click", (event) => event.stopPropagation());
  return link;
}

/**
 * @param {HTMLElement} link
 * @param {ListedExchange} exchange
 */
function fillRecorderLink(link, { instance = "", exchange: id }) {
  const address = addressAt(instance, id);
  link.hidden = !instance;
  setText(link, address ? `${instance} ↗` : instance);
  link.title = `Recorded by ${instance}`;
  if (address) link.setAttribute("href", address);
  else link.removeAttribute("href");
}

/**
 * A name that is pressed is a filter. For the mouse: whoever uses keys has the same links in the opened exchange.
 * @param {import("../text/exchange_text.js").NameInRow} name
 * @param {number} index
 * @returns {(string | HTMLElement)[]}
 */
function nameParts({ sign, text, filter }, index) {
  const data = filter ? { "data-filter": JSON.stringify(filter), title: `Only ${text}` } : {};
  return [sign, element(index ? "span" : "b", data, text)];
}

/**
 * @param {ListedExchange} exchange
 * @param {Column} column
 */
function columnPart(exchange, column) {
  const [head, valueOf] = COLUMN_TEXTS[column];
  const text = exchange.isOpen && column !== "user" && column !== "upstream" ? "" : valueOf(exchange);
  return element("span", { class: `told-column of-${column}`, title: text && `${head}: ${text}` }, text);
}

/**
 * Where the words of the search stand, else how the question begins.
 * @param {ListedExchange} exchange
 * @returns {(string | HTMLElement)[]}
 */
function askedParts({ hit, prompt, address }) {
  if (!hit) return [prompt || address || ""];
  // What was found has to be in sight, also on a phone.
  const before = hit.before.length > MOST_BEFORE ? `…${hit.before.slice(1 - MOST_BEFORE)}` : hit.before;
  // A question is what stands here anyway.
  const part = hit.part === "question" ? "" : `${hit.part}: `;
  return [element("span", { class: "part" }, part), before, element("mark", {}, hit.found), hit.after];
}

/** @param {ListedExchange} exchange */
function answerOf(exchange) {
  if (exchange.hit) return "";
  if (exchange.answer) return `→ ${exchange.answer}`;
  if (exchange.queued) return exchange.queued;
  return exchange.failed && exchange.error ? `→ ${exchange.error}` : "";
}

/**
 * Each phase as long as it took, on one scale for all rows: the slow ones stick out.
 * @param {ListedExchange} exchange
 * @param {number} full
 */
function bars(exchange, full) {
  const all = Math.max(full, exchange.request_time ?? 0);
  return (exchange.phases ?? []).map(([name, seconds]) => {
    const bar = element("span", { class: name });
    bar.style.width = `${Math.max(0.2, (seconds / all) * 100)}%`;
    return bar;
  });
}
