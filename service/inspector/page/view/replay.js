/** Asking again: the same prompt, with the same or another model and other options, and what comes out differently. */

import { makeAnswerReader } from "../state/answer_reader.js";
import { isAborted, send } from "../state/api.js";
import { askForExchange } from "../state/exchange_detail.js";
import { duration } from "../text/format.js";
import { comparisonPart } from "./comparison.js";
import { element, replace, setText, within } from "./elements.js";
import { makeReplayForm } from "./replay_form.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 * @typedef {import("./replay_form.js").ReplayForm} ReplayForm
 *
 * @typedef {object} Dependencies
 * @property {string} id
 * @property {ExchangeDetail} detail
 * @property {HTMLElement} place  where the form goes
 * @property {(text: string) => void} announce
 * @property {import("./link.js").Link} link
 */

/** Some seconds: with RECORD_BEFORE_REPLY=false an answer is here before its record. */
const [PAUSE, MOST_TRIES] = [500, 10];
const TICK = 100;

/** @param {Dependencies} dependencies */
export function makeReplay({ id, detail, place, announce, link }) {
  /** @type {AbortController | undefined} */
  let running;
  let isOpen = false;
  const stop = () => running?.abort();

  function toggle() {
    isOpen = !isOpen;
    if (place.parentElement) within(place.parentElement, "[data-action=replay]")?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      stop();
      replace(place);
    } else if (detail.may_replay === false) {
      replace(place, element("p", { class: "note" }, detail.why_no_replay));
    } else {
      const form = makeReplayForm(detail, { submit: () => void run(form), stop });
      replace(place, form.root, form.output);
      form.focus();
    }
  }

  /** @param {ReplayForm} form */
  async function run(form) {
    stop();
    const mine = (running = new AbortController());
    const body = form.changes();
    const { text, tick } = drawAnswer(form);
    const ticking = setInterval(tick, TICK);
    announce("The prompt is being sent again.");
    try {
      const response = await send(`/exchanges/${encodeURIComponent(id)}/replay`, { method: "POST", body, signal: mine.signal });
      const trouble = await readInto(response, text);
      await finish(response.headers.get("X-Exchange-Id") ?? "", form.output, trouble, mine.signal);
    } catch (error) {
      // The next one has the place now, and made this one stop.
      if (running !== mine) return;
      const why = isAborted(error) ? "You stopped it." : /** @type {Error} */ (error).message;
      form.output.append(element("p", { class: isAborted(error) ? "note" : "finding bad" }, why));
      announce(why);
    } finally {
      clearInterval(ticking);
      if (running === mine) form.showStop(false);
    }
  }

  /**
   * @param {string} made  the new exchange's id
   * @param {HTMLElement} output
   * @param {string} trouble
   * @param {AbortSignal} signal
   */
  async function finish(made, output, trouble, signal) {
    if (trouble) output.append(element("p", { class: "finding bad" }, trouble));
    if (!made) return;
    const again = await detailOf(made, signal);
    replace(output, comparisonPart(detail, again), element("p", {}, link({ show: made }, "Open the new exchange")));
    output.scrollIntoView({ block: "nearest" });
    announce("The new answer is here, with what differs.");
  }

  return { toggle, stop };
}

/**
 * Where the new answer appears, with how long it takes already.
 * @param {ReplayForm} form
 */
function drawAnswer({ output, showStop }) {
  const text = element("div", { class: "text", dir: "auto" });
  const clock = element("span", {}, "waiting");
  const began = Date.now();
  replace(output, element("div", { class: "turn assistant answer" }, element("h3", {}, "new answer · ", clock), text));
  output.scrollIntoView({ block: "nearest" });
  showStop(true);
  return { text, tick: () => setText(clock, duration((Date.now() - began) / 1000)) };
}

/**
 * @param {string} id  of an exchange whose answer has just ended
 * @param {AbortSignal} signal
 */
async function detailOf(id, signal) {
  for (let tries = 1; ; tries++) {
    try {
      return await askForExchange(id, signal);
    } catch (error) {
      if (/** @type {import("../state/api.js").Refusal} */ (error).status !== 404 || tries === MOST_TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Shows an answer while it comes.
 * @param {Response} response
 * @param {HTMLElement} text
 * @returns {Promise<string>} what went wrong in the stream, or ""
 */
async function readInto(response, text) {
  const reader = makeAnswerReader(response.headers.get("Content-Type") ?? "");
  const decoder = new TextDecoder();
  const stream = response.body?.getReader();
  let trouble = "";
  while (stream) {
    const { done, value } = await stream.read();
    const piece = done ? reader.end() : reader.read(decoder.decode(value, { stream: true }));
    if (piece.text) text.append(piece.text);
    trouble ||= piece.error;
    if (done) break;
  }
  return trouble;
}
