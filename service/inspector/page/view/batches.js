/** Which model is better: many prompts sent again with another model, each new answer beside its old one, and judged. */

import { filterOf } from "../state/address.js";
import { isAborted, oneAtATime } from "../state/api.js";
import { askForBatch, askForBatches, forgetBatch, tellBatch } from "../state/replay_batches.js";
import { counted, moment, whole } from "../text/format.js";
import { makeBatchForm } from "./batch_form.js";
import { makeBatchTable } from "./batch_table.js";
import { button, element, replace } from "./elements.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {import("../state/replay_batches.js").Batch} Batch
 * @typedef {import("../state/replay_batches.js").BatchHead} BatchHead
 */

/** Milliseconds between two looks at a batch that runs. */
const LOOK = 1_000;

/**
 * @param {Address} address
 * @returns {import("./overview.js").Tab}
 */
export function makeBatches(address) {
  const place = element("div");
  const above = element("div");
  const root = element("section", { "aria-label": "Batches of replays" }, place);
  const asking = oneAtATime();
  const table = makeBatchTable({ open: (show) => address.go({ show }), again: () => void load() });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let looking;
  let drawn = "";

  async function load() {
    clearTimeout(looking);
    const { batch } = address.view;
    const signal = asking.next();
    try {
      if (batch) draw(await askForBatch(batch, signal));
      else drawAll((await askForBatches(signal)).batches);
      drawn = batch;
    } catch (error) {
      if (isAborted(error)) return;
      drawn = "";
      replace(place, batch ? allButton() : null, element("p", { class: "finding bad" }, /** @type {Error} */ (error).message));
    }
  }

  /** @param {Batch} batch */
  function draw(batch) {
    if (batch.running) looking = setTimeout(() => root.offsetParent && address.view.batch === batch.batch && void load(), LOOK);
    if (drawn !== batch.batch) table.forget();
    table.show(batch);
    replace(
      above, allButton(), element("h3", {}, titleOf(batch)), element("p", { class: "sentence", role: "status" }, batch.sentence),
      batch.why_ended ? element("p", { class: "finding bad" }, batch.why_ended) : null, progressPart(batch),
    );
    // The table stays where it is: what is put in its place anew no longer hears keys.
    if (!place.contains(table.root)) replace(place, above, table.root, filesPart(batch.batch, () => void forget(batch.batch)));
    if (drawn !== batch.batch) table.root.focus({ preventScroll: true });
  }

  /** @param {string} batch */
  async function forget(batch) {
    await forgetBatch(batch).catch(() => {});
    address.go({ batch: "" });
  }

  /** @param {Batch} batch */
  function progressPart({ batch, done, prompts, running }) {
    if (done >= prompts && !running) return null;
    const tell = (/** @type {"stop" | "go-on"} */ what) => void tellBatch(batch, what).then(load, load);
    return element(
      "p", { class: "batch-progress" }, element("progress", { max: prompts, value: done, "aria-label": "Prompts sent again" }),
      ` ${whole(done)} of ${counted(prompts, "prompt")} `,
      running ? button("Stop", () => tell("stop")) : button("Go on", () => tell("go-on")),
    );
  }

  const before = element("div");
  const form = makeBatchForm({ query: (limit) => filterOf(address.view, { limit }), begun: (batch) => address.go({ batch }) });

  /** @param {BatchHead[]} batches */
  function drawAll(batches) {
    const list = batches.map((batch) => element(
      "li", {}, button(titleOf(batch), () => address.go({ batch: batch.batch }), { class: "plain" }), batch.running ? " running" : "",
    ));
    replace(before, list.length ? element("h3", {}, "Done before") : null, list.length ? element("ul", { class: "batches" }, ...list) : null);
    // What somebody has typed stays: the list may be asked for again meanwhile.
    if (!place.contains(form.root)) replace(place, form.root, before);
  }

  const allButton = () => button("‹ All batches", () => address.go({ batch: "" }), { class: "plain" });

  return {
    root,
    key: () => address.view.batch,
    load: async (isOutdated) => {
      // What ends meanwhile is none of its business, while somebody fills in a form or judges.
      if (isOutdated || drawn !== address.view.batch || !place.childElementCount) await load();
    },
    stale() {},
  };
}

/**
 * Pressed twice: the verdicts in it cannot be had back.
 * @param {() => void} forget
 */
function forgetButton(forget) {
  const control = button("Forget this batch", () => {
    if (control.dataset.isSure) return forget();
    control.dataset.isSure = "true";
    control.textContent = "Forget its verdicts for good?";
  }, { class: "plain", title: "The exchanges stay" });
  return control;
}

/** @param {BatchHead} batch */
function titleOf({ created, prompts, changes }) {
  const options = Object.entries(changes.options ?? {}).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const what = [changes.model ?? "the same model", ...options, changes.system === undefined ? "" : "another system prompt"];
  return `${counted(prompts, "prompt")} with ${what.filter(Boolean).join(", ")} · ${moment(Date.parse(created), Date.now())}`;
}

/**
 * @param {string} batch
 * @param {() => void} forget
 */
function filesPart(batch, forget) {
  const file = (/** @type {string} */ kind) => element("a", { href: `/replays/${batch}.${kind}`, download: true }, `as ${kind.toUpperCase()}`);
  return element("p", { class: "below-table" }, file("csv"), " ", file("jsonl"), " ", forgetButton(forget));
}
