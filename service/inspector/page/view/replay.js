/** Asking again: the same prompt, with the same or another model and other options, and what comes out differently. */

import { makeAnswerReader } from "../state/answer_reader.js";
import { ask, isAborted, send } from "../state/api.js";
import { comparisonPart } from "./comparison.js";
import { element, replace, say } from "./elements.js";
import { duration } from "../text/format.js";

/** Some seconds: with RECORD_BEFORE_REPLY=false an answer is here before its record. */
const [PAUSE, MOST_TRIES] = [500, 10];

/**
 * @typedef {object} Dependencies
 * @property {string} id
 * @property {any} answer  of /exchanges/ID.json
 * @property {Element} place  where the form goes
 * @property {(text: string) => void} announce
 * @property {(changes: any, text: string) => HTMLElement} link
 */

/** @param {Dependencies} dependencies */
export function makeReplay({ id, answer, place, announce, link }) {
  const { record, conversation } = answer;
  /** @type {AbortController | undefined} */
  let running;
  let isOpen = false;

  function toggle() {
    isOpen = !isOpen;
    place.parentElement?.querySelector("[data-action=replay]")?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      running?.abort();
      replace(place);
    } else if (answer.may_replay === false) {
      replace(place, element("p", { class: "note" }, answer.why_no_replay));
    } else {
      openForm();
    }
  }

  function openForm() {
    // Ollama's own API has them in "options", OpenAI's and Anthropic's beside the model.
    const parameters = { ...conversation?.parameters, ...conversation?.parameters?.options };
    const model = input("text", "model", "Model", record.model ?? "");
    const models = element("datalist", { id: "models" });
    model.field.setAttribute("list", "models");
    const options = optionsOf(record).map(([name, label, step]) => {
      const made = input("number", name, label, "", parameters[name] === undefined ? "as before" : String(parameters[name]));
      made.field.setAttribute("step", step);
      return made;
    });
    const said = (conversation?.turns ?? []).find((/** @type {any} */ turn) => turn.role === "system")?.text ?? "";
    const system = /** @type {HTMLTextAreaElement} */ (element("textarea", { rows: "4", "aria-label": "System prompt", dir: "auto" }));
    system.value = said;
    // A field changes line ends: what it holds is what tells whether somebody changed it.
    const before = system.value;
    const output = element("div", { class: "output" });
    const stop = element("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
    const go = element("button", { type: "submit", class: "main" }, "Replay");
    const form = element(
      "form", { class: "replay", "aria-label": "Replay", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void run(wanted(), output, stop, go);
      } },
      element("div", { class: "fields" }, model.label, ...options.map((made) => made.label)), models,
      element("details", { class: "tool" }, element("summary", {}, "System prompt"), system),
      element("div", { class: "actions" }, go, stop, element("span", { class: "quiet" }, "Sent through the gateway and recorded like any other.")),
    );
    replace(place, form, output);
    model.field.focus();
    model.field.select();
    void offerModels(models);

    function wanted() {
      const chosen = Object.fromEntries(options.filter(({ field }) => field.value !== "").map(({ field }) => [field.name, Number(field.value)]));
      return {
        ...(model.field.value.trim() && model.field.value.trim() !== record.model ? { model: model.field.value.trim() } : {}),
        ...(Object.keys(chosen).length ? { options: chosen } : {}),
        ...(system.value !== before ? { system: system.value } : {}),
        stream: true,
      };
    }
  }

  /**
   * @param {Record<string, unknown>} body
   * @param {HTMLElement} output
   * @param {HTMLElement} stop
   * @param {HTMLElement} go
   */
  async function run(body, output, stop, go) {
    running?.abort();
    const mine = (running = new AbortController());
    const text = element("div", { class: "text", dir: "auto" });
    const clock = element("span", {}, "waiting");
    replace(output, element("div", { class: "turn assistant answer" }, element("h3", {}, "new answer · ", clock), text));
    output.scrollIntoView({ block: "nearest" });
    stop.hidden = false;
    go.textContent = "Replay again";
    const began = Date.now();
    const ticking = setInterval(() => say(clock, duration((Date.now() - began) / 1000)), 100);
    announce("The prompt is being sent again.");
    try {
      const reply = await send(`/exchanges/${encodeURIComponent(id)}/replay`, { method: "POST", body, signal: mine.signal });
      const trouble = await readInto(reply, text);
      await finish(reply.headers.get("X-Exchange-Id") ?? "", output, trouble, mine.signal);
    } catch (error) {
      // The next one has the place now, and made this one stop.
      if (running !== mine) return;
      const why = isAborted(error) ? "You stopped it." : /** @type {Error} */ (error).message;
      output.append(element("p", { class: isAborted(error) ? "note" : "finding bad" }, why));
      announce(why);
    } finally {
      clearInterval(ticking);
      if (running === mine) stop.hidden = true;
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
    const again = await recordOf(made, signal);
    replace(output, comparisonPart(answer, again), element("p", {}, link({ show: made }, "Open the new exchange")));
    output.scrollIntoView({ block: "nearest" });
    announce("The new answer is here, with what differs.");
  }

  return {
    toggle,
    stop: () => running?.abort(),
  };
}

/**
 * What can be changed where: name, title and step of each field.
 * @param {any} record
 * @returns {[string, string, string][]}
 */
function optionsOf({ api = "ollama", request_uri = "" }) {
  const isResponses = /\/responses\b/.test(request_uri);
  const most = isResponses ? "max_output_tokens" : "max_tokens";
  return [
    ["temperature", "Temperature", "any"],
    ...(api === "ollama" ? [["num_ctx", "Context tokens", "1"]] : []),
    [api === "ollama" ? "num_predict" : most, "Most tokens out", "1"],
    ...(api === "anthropic" || isResponses ? [] : [["seed", "Seed", "1"]]),
  ];
}

/**
 * @param {string} id  of an exchange whose answer has just ended
 * @param {AbortSignal} signal
 */
async function recordOf(id, signal) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(`/exchanges/${encodeURIComponent(id)}.json`, { signal });
    } catch (error) {
      if (/** @type {any} */ (error).status !== 404 || tries === MOST_TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * Shows an answer while it comes.
 * @param {Response} reply
 * @param {HTMLElement} text
 * @returns {Promise<string>} what went wrong in the stream, or ""
 */
async function readInto(reply, text) {
  const reader = makeAnswerReader(reply.headers.get("Content-Type") ?? "");
  const decoder = new TextDecoder();
  const stream = reply.body?.getReader();
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

/** Asked once a visit: it goes through the gateway, and so is recorded too. @type {Promise<string[]> | undefined} */
let installed;

/**
 * The models that this Ollama has; where it does not tell, those that were used before.
 * @returns {Promise<string[]>}
 */
async function knownModels() {
  try {
    installed ??= ask("/models.json").then((said) => said.models);
    return await /** @type {Promise<string[]>} */ (installed);
  } catch {
    installed = undefined;
  }
  const used = await ask("/values.json?field=model").catch(() => ({ values: [] }));
  return used.values.map((/** @type {[string, number]} */ [name]) => name);
}

/** @param {HTMLElement} models  the list of suggestions to fill */
async function offerModels(models) {
  replace(models, ...(await knownModels()).map((name) => element("option", { value: name })));
}

/**
 * @param {string} type
 * @param {string} name
 * @param {string} title
 * @param {string} value
 * @param {string} [placeholder]
 */
function input(type, name, title, value, placeholder = "") {
  const field = /** @type {HTMLInputElement} */ (element("input", { type, name, placeholder, autocomplete: "off", spellcheck: "false" }));
  field.value = value;
  return { field, label: element("label", {}, element("span", {}, title), field) };
}
