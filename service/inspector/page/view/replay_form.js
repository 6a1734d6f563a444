/** The form of a replay: another model, other options, another system prompt. What is left as it is is not sent. */

import { knownModels } from "../state/models.js";
import { button, element, replace } from "./elements.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 * @typedef {{field: HTMLInputElement, label: HTMLElement}} Input
 * @typedef {[name: string, title: string, step: string]} Option
 *
 * @typedef {object} ReplayForm
 * @property {HTMLElement} root
 * @property {HTMLElement} output  where the new answer goes
 * @property {() => Record<string, unknown>} changes  what is asked of the recorder
 * @property {(isRunning: boolean) => void} showStop
 * @property {() => void} focus
 */

/**
 * @param {ExchangeDetail} detail
 * @param {{submit: () => void, stop: () => void}} actions
 * @returns {ReplayForm}
 */
export function makeReplayForm({ record, conversation }, { submit, stop }) {
  const model = modelInput(record.model ?? "");
  const options = optionInputs(record, conversation?.parameters ?? {});
  const system = element("textarea", { rows: "4", "aria-label": "System prompt", dir: "auto" });
  system.value = (conversation?.turns ?? []).find((turn) => turn.role === "system")?.text ?? "";
  // A field changes line ends: what it holds is what tells whether somebody changed it.
  const before = system.value;
  const stopping = button("Stop", stop, { hidden: true });
  const go = element("button", { type: "submit", class: "main" }, "Replay");
  const root = element(
    "form", { class: "replay", "aria-label": "Replay", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      submit();
    } },
    element("div", { class: "fields" }, model.label, ...options.map(({ label }) => label)), model.known,
    element("details", { class: "tool" }, element("summary", {}, "System prompt"), system),
    element("div", { class: "actions" }, go, stopping, element("span", { class: "quiet" }, "Sent through the gateway and recorded like any other.")),
  );

  return {
    root,
    output: element("div", { class: "output" }),
    changes() {
      const wanted = model.field.value.trim();
      const chosen = options.filter(({ field }) => field.value !== "").map(({ field }) => [field.name, Number(field.value)]);
      return {
        ...(wanted && wanted !== record.model ? { model: wanted } : {}),
        ...(chosen.length ? { options: Object.fromEntries(chosen) } : {}),
        ...(system.value !== before ? { system: system.value } : {}),
        stream: true,
      };
    },
    showStop(isRunning) {
      stopping.hidden = !isRunning;
      go.textContent = "Replay again";
    },
    focus() {
      model.field.focus();
      model.field.select();
      void offerModels(model.known);
    },
  };
}

/**
 * @param {string} model
 * @returns {Input & {known: HTMLElement}} `known`: the list of suggestions
 */
function modelInput(model) {
  const made = input("text", "model", "Model", model);
  made.field.setAttribute("list", "models");
  return { ...made, known: element("datalist", { id: "models" }) };
}

/** @param {HTMLElement} known  to be filled */
async function offerModels(known) {
  replace(known, ...(await knownModels()).map((name) => element("option", { value: name })));
}

/**
 * @param {import("../state/tables.js").RecordFields} record
 * @param {NonNullable<import("../state/exchange_detail.js").Conversation["parameters"]>} parameters
 * @returns {Input[]}
 */
function optionInputs(record, parameters) {
  // Ollama's own API has them in "options", OpenAI's and Anthropic's beside the model.
  const values = { ...parameters, ...parameters.options };
  return optionsOf(record).map(([name, title, step]) => {
    const made = input("number", name, title, "", values[name] === undefined ? "as before" : String(values[name]));
    made.field.setAttribute("step", step);
    return made;
  });
}

/**
 * What can be changed where.
 * @param {import("../state/tables.js").RecordFields} record
 * @returns {Option[]}
 */
function optionsOf({ api = "ollama", request_uri: address = "" }) {
  const isResponses = /\/responses\b/.test(address);
  const most = isResponses ? "max_output_tokens" : "max_tokens";
  /** @type {Option[]} */
  const options = [["temperature", "Temperature", "any"]];
  if (api === "ollama") options.push(["num_ctx", "Context tokens", "1"]);
  options.push([api === "ollama" ? "num_predict" : most, "Most tokens out", "1"]);
  if (api !== "anthropic" && !isResponses) options.push(["seed", "Seed", "1"]);
  return options;
}

/**
 * @param {string} type
 * @param {string} name
 * @param {string} title
 * @param {string} value
 * @param {string} [placeholder]
 * @returns {Input}
 */
function input(type, name, title, value, placeholder = "") {
  const field = element("input", { type, name, placeholder, autocomplete: "off", spellcheck: "false" });
  field.value = value;
  return { field, label: element("label", {}, element("span", {}, title), field) };
}
