/** What did the model get? The prompt as Ollama's template makes it now, and the messages that it leaves out. */

import { ask, isAborted } from "../state/api.js";
import { counted, whole } from "../text/format.js";
import { element, replace, within } from "./elements.js";
import { textPart } from "./text_block.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 *
 * @typedef {object} RenderedPrompt  of /exchanges/ID/rendered
 * @property {string} prompt
 * @property {number} whole_characters  of the prompt, were nothing left out
 * @property {number} messages  that were sent
 * @property {number[] | null} left_out  places from 0 on; null: nobody knows which
 * @property {number} context_length  tokens
 *
 * @typedef {{id: string, detail: ExchangeDetail, place: HTMLElement, announce: (text: string) => void}} Dependencies
 */

const FIRST_CHARACTERS = 120;

/**
 * Whether Ollama can show it: it does of chats in its own API.
 * @param {ExchangeDetail} detail
 */
export function mayBeRendered({ record }) {
  return record.operation === "chat" && record.api === "ollama";
}

/** @param {Dependencies} dependencies */
export function makeRenderedPrompt({ id, detail, place, announce }) {
  /** @type {AbortController | undefined} */
  let running;
  const stop = () => running?.abort();

  async function show() {
    stop();
    const mine = (running = new AbortController());
    replace(place, element("p", { class: "quiet" }, "Ollama is being asked …"));
    try {
      /** @type {RenderedPrompt} */
      const found = await ask(`/exchanges/${encodeURIComponent(id)}/rendered`, { method: "POST", signal: mine.signal });
      const sentence = sentenceOf(found);
      replace(place, renderedPart(found, sentence, detail));
      within(place, "h3")?.focus();
      announce(sentence);
    } catch (error) {
      if (isAborted(error)) return;
      replace(place, element("p", { class: "note" }, /** @type {Error} */ (error).message));
      announce(/** @type {Error} */ (error).message);
    }
  }

  return { show: () => void show(), stop };
}

/**
 * @param {RenderedPrompt} found
 * @param {string} sentence
 * @param {ExchangeDetail} detail
 */
function renderedPart({ prompt, left_out: leftOut }, sentence, { conversation }) {
  const turns = conversation?.turns ?? [];
  const lines = (leftOut ?? []).map((at) => {
    const { role = "", text = "" } = turns[at] ?? {};
    return element("li", { value: String(at + 1) }, `${role} `, element("bdi", {}, text.slice(0, FIRST_CHARACTERS)));
  });
  return element(
    "section", { class: "rendered" },
    element("h3", { tabindex: "-1" }, "What the model got"),
    element("p", { class: leftOut?.length === 0 ? "finding fine" : "finding" }, sentence),
    lines.length ? element("ol", { class: "quiet" }, ...lines) : null,
    textPart(prompt),
    element("p", { class: "note" }, "As Ollama makes it now. Nothing was run or recorded; for how long the model stays loaded is as before, to a second."),
  );
}

/** @param {RenderedPrompt} found */
function sentenceOf({ messages, left_out: leftOut, context_length: room, prompt, whole_characters: all }) {
  const size = `there is room for ${counted(room, "token")}`;
  if (leftOut === null) return `Ollama leaves out ${whole(all - prompt.length)} characters, nobody knows which: ${size}.`;
  if (!leftOut.length) return `All of ${counted(messages, "message")} are given to the model: ${size}.`;
  return `Ollama leaves out ${whole(leftOut.length)} of ${counted(messages, "message")}: ${size}.`;
}
