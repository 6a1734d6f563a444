/** The smaller print of an exchange: its parameters, numbers, ids, and the bytes as they were kept. */

import { send } from "../state/api.js";
import { copy, element, replace } from "./elements.js";
import { OUTCOMES } from "../state/tables.js";
import { counted, duration, moment, rate, size, whole } from "../text/format.js";
import { readable, textPart } from "./conversation.js";

/** What of a kept body is shown on the page; all of it can be saved. */
const SHOWN_BYTES = 200_000;

/**
 * @param {string} title
 * @param {boolean} isOpen
 * @param {...(HTMLElement | null)} parts
 */
function folded(title, isOpen, ...parts) {
  return element("details", { class: "fold", open: isOpen }, element("summary", {}, element("h3", {}, title)), ...parts);
}

/** @param {[string, string | Node | undefined | false][]} facts */
function list(facts) {
  const known = facts.filter(([, value]) => value !== undefined && value !== "" && value !== false && value !== "–");
  return known.length
    ? element("dl", { class: "pairs" }, ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, /** @type {string} */ (value)))))
    : null;
}

/**
 * @param {Record<string, unknown>} parameters
 * @param {unknown[]} tools
 */
export function parametersPart(parameters, tools) {
  const pairs = Object.entries(parameters ?? {}).map(([name, value]) => /** @type {[string, string | Node]} */ ([
    name, typeof value === "object" && value !== null ? element("pre", {}, JSON.stringify(value, null, 2)) : String(value),
  ]));
  const offered = (tools ?? []).map((tool) => {
    const named = /** @type {any} */ (tool)?.function ?? tool;
    return element("details", { class: "tool" }, element("summary", {}, element("code", {}, String(named?.name ?? "tool")), named?.description ? ` ${String(named.description).slice(0, 160)}` : ""), element("pre", {}, JSON.stringify(tool, null, 2)));
  });
  if (!pairs.length && !offered.length) return null;
  return folded("Parameters", true, list(pairs), offered.length ? element("div", { class: "tools" }, element("p", { class: "quiet" }, `${counted(offered.length, "tool")} offered`), ...offered) : null);
}

/** @param {Record<string, any>} record */
export function numbersPart(record) {
  return folded("Numbers and ids", false, list([
    ["outcome", record.outcome && `${OUTCOMES[record.outcome] ?? record.outcome} (${record.outcome})`],
    ["status", record.status === undefined ? "" : String(record.status)],
    ["ended because of", record.done_reason],
    ["began", record.started && moment(Date.parse(record.started), Date.now())],
    ["took", duration(record.request_time)],
    ["first byte after", record.time_to_first_byte === undefined ? "" : duration(record.time_to_first_byte)],
    ["first token after", record.time_to_first_token === undefined ? "" : duration(record.time_to_first_token)],
    ["tokens in", record.prompt_tokens === undefined ? "" : whole(record.prompt_tokens)],
    ["tokens out", record.completion_tokens === undefined ? "" : whole(record.completion_tokens)],
    ["speed", rate(record.tokens_per_second)],
    ["context", record.context_length && `${whole(record.context_length)} tokens`],
    ["streamed", record.stream === undefined ? "" : record.stream ? "yes" : "no"],
    ["sent, answered", `${size(record.request_bytes ?? 0)}, ${size(record.response_bytes ?? 0)}`],
    ["address", record.request_uri && `${record.method} ${record.request_uri}`],
    ["interface", record.api], ["workflow id", record.workflow_id], ["user", record.user],
    ["program", record.user_agent], ["from", record.remote_addr],
    ["exchange", record.exchange && copied(record.exchange)], ["trace", record.trace_id && copied(record.trace_id)],
  ]));
}

/** @param {string} id */
function copied(id) {
  const button = element("button", { type: "button", class: "plain", "aria-label": `Copy ${id}`, onclick: async () => {
    button.textContent = (await copy(id)) ? "copied" : "not copied";
  } }, "copy");
  return element("span", { class: "id" }, element("code", {}, id), " ", button);
}

/**
 * @param {string} id
 * @param {{request?: any, response?: any, record: Record<string, any>}} said
 */
export function rawPart(id, said) {
  const parts = /** @type {["request" | "response", string][]} */ ([["request", "Request"], ["response", "Answer"]]).map(([which, title]) => bodyPart(id, which, title, said[which]));
  const record = element("details", { class: "tool" }, element("summary", {}, "The record"), element("pre", { tabindex: "0", "aria-label": "The record" }, JSON.stringify(said.record, null, 2)));
  return folded("Raw", false, ...parts, record);
}

/**
 * @param {string} id
 * @param {"request" | "response"} which
 * @param {string} title
 * @param {{bytes?: number, kept?: number, is_shortened?: boolean} | undefined} body
 */
function bodyPart(id, which, title, body) {
  if (!body?.kept) return element("p", { class: "quiet" }, body?.bytes ? `${title}: ${size(body.bytes)}, of which nothing was kept.` : `${title}: no body.`);
  const shown = element("div", { class: "body" });
  const about = body.is_shortened ? `${size(body.kept)} of ${size(body.bytes)}` : size(body.bytes);
  const fold = element("details", { class: "tool" }, element("summary", {}, `${title} (${about})`), element("p", {}, element("a", { href: `/exchanges/${id}/${which}`, download: `${id}-${which}` }, "Save as it was kept")), shown);
  fold.addEventListener("toggle", async () => {
    if (!(/** @type {HTMLDetailsElement} */ (fold).open) || shown.firstChild) return;
    replace(shown, element("p", { class: "quiet" }, "Loading …"));
    try {
      const text = await (await send(`/exchanges/${id}/${which}`)).text();
      replace(shown, textPart(readable(text.slice(0, SHOWN_BYTES))), text.length > SHOWN_BYTES && element("p", { class: "quiet" }, "The rest is in the saved file."));
    } catch (error) {
      replace(shown, element("p", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  });
  return fold;
}
