/** The form that sends again what is shown now: with which model and options, and how many of it. */

import { beginBatch } from "../state/replay_batches.js";
import { knownModels } from "../state/models.js";
import { element, replace } from "./elements.js";

const MOST = 500;
const USUAL = 20;

/**
 * @param {{query: (limit: number) => string, begun: (batch: string) => void}} dependencies
 *   `query` names the prompts that are shown, up to so many
 */
export function makeBatchForm({ query, begun }) {
  const known = element("datalist", { id: "batch-models" });
  const model = element("input", { type: "text", list: "batch-models", placeholder: "as before", autocomplete: "off", spellcheck: "false" });
  const temperature = element("input", { type: "number", step: "any", placeholder: "as before" });
  const room = element("input", { type: "number", step: "1", min: "1", placeholder: "as before" });
  const system = element("textarea", { rows: "4", dir: "auto", "aria-label": "Another system prompt", placeholder: "empty: without a system prompt" });
  const hasSystem = element("input", { type: "checkbox", onchange: () => {
    system.hidden = !hasSystem.checked;
    if (hasSystem.checked) system.focus();
  } });
  system.hidden = true;
  const limit = element("input", { type: "number", min: "1", max: String(MOST), required: true });
  limit.value = String(USUAL);
  const trouble = element("p", { class: "bad", role: "alert" });
  const go = element("button", { type: "submit", class: "main" }, "Send them again");
  const root = element(
    "form", { class: "replay", "aria-label": "Send what is shown again", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void submit();
    } },
    element("p", {}, "Is another model better? The newest prompts of this view are sent again, one at a time: whoever calls meanwhile goes first."),
    element("div", { class: "fields" }, ...Object.entries({ Model: model, Temperature: temperature, "Context tokens": room, "At most": limit }).map(
      ([title, field]) => element("label", {}, element("span", {}, title), field),
    )), known, element("label", { class: "check" }, hasSystem, "another system prompt"), system, element("div", { class: "actions" }, go), trouble,
  );
  void knownModels().then((names) => replace(known, ...names.map((name) => element("option", { value: name }))), () => {});

  function changes() {
    const options = {
      ...(temperature.value === "" ? {} : { temperature: Number(temperature.value) }),
      ...(room.value === "" ? {} : { num_ctx: Number(room.value) }),
    };
    const name = model.value.trim();
    return {
      ...(name ? { model: name } : {}), ...(Object.keys(options).length ? { options } : {}), ...(hasSystem.checked ? { system: system.value } : {}),
    };
  }

  async function submit() {
    go.disabled = true;
    replace(trouble);
    try {
      begun((await beginBatch(query(Number(limit.value)), changes())).batch);
    } catch (error) {
      replace(trouble, /** @type {Error} */ (error).message);
    } finally {
      go.disabled = false;
    }
  }

  return { root };
}
