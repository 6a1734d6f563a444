/** What a row of the list needs of an exchange, and what can be said of it at a glance. All pure. */

import { counted, duration, whole } from "./format.js";

/**
 * @typedef {Record<string, any>} Summary  an entry of /exchanges.json: the record's keys without bodies, `number`,
 *   and the first words of `prompt` and `answer`; what is unknown is absent
 * @typedef {"wait" | "prompt" | "generation" | "sending"} PhaseName
 * @typedef {{text: string, tone: "bad" | "warn"}} Mark
 */

const KEPT = Object.freeze([
  "number", "exchange", "status", "request_time", "outcome", "failed", "operation", "model", "prompt_tokens",
  "completion_tokens", "tokens_per_second", "prompt_truncated", "context_length", "upload_time", "wait_time", "prompt_time",
  "generation_time", "workflow", "workflow_id", "execution_id", "node", "caller", "user", "error", "replay_of", "prompt", "answer",
]);
const NAMES = new Set(["outcome", "operation", "model", "workflow", "node", "caller", "user"]);
const MOST_NAMES = 20_000;
/** @type {Map<string, string>} */
const known = new Map();

/**
 * One string for all rows that name the same model: a hundred thousand rows are held in memory.
 * @param {string} name
 */
function shared(name) {
  const before = known.get(name);
  if (before !== undefined) return before;
  if (known.size < MOST_NAMES) known.set(name, name);
  return name;
}

/**
 * Only what a row shows or is filtered by; `ended` and `started` as Unix milliseconds.
 * @param {Summary} said
 * @returns {Summary}
 */
export function compact(said) {
  /** @type {Summary} */
  const kept = {};
  for (const key of KEPT) {
    const value = said[key];
    if (value === undefined || value === null) continue;
    kept[key] = NAMES.has(key) && typeof value === "string" ? shared(value) : value;
  }
  if (typeof kept.error === "string" && kept.error.length > 200) kept.error = `${kept.error.slice(0, 199)}…`;
  // What has no prompt is known by its address: "GET /api/tags".
  if (!kept.prompt && said.request_uri) kept.address = `${said.method} ${pathOf(said.request_uri)}`;
  kept.ended = Date.parse(said.time);
  kept.started = Date.parse(said.started);
  return kept;
}

/**
 * An address without what every one begins with, and without the labels of its caller.
 * @param {string} uri
 */
function pathOf(uri) {
  return uri.replace(/^\/+api\/ollama(\/(~|%7[eE])[^/]*)?/, "").slice(0, 160) || "/";
}

/**
 * What the exchange was one step of, or "": n8n numbers its executions, chats have long ids.
 * @param {Summary} entry
 */
export function stepOf(entry) {
  const id = entry.execution_id;
  if (!id) return "";
  return `${entry.workflow ? "execution" : "chat"} ${id.length > 14 ? `${id.slice(0, 8)}…` : id}`;
}

/**
 * Who asked: what to set in bold, and what specifies it further, each with the sign that joins it.
 * @param {Summary} entry
 * @returns {{name: string, further: string[]}}
 */
export function whoAsked(entry) {
  const name = entry.workflow ?? entry.caller;
  if (!name) return { name: entry.node ?? entry.user ?? "somebody", further: [] };
  return { name, further: [...(entry.node ? [`› ${entry.node}`] : []), ...(entry.user ? [`· ${entry.user}`] : [])] };
}

/** In their order: what the client takes to send its request is sending too. */
const MEASURED = /** @type {[PhaseName, string][]} */ ([["sending", "upload_time"], ["wait", "wait_time"], ["prompt", "prompt_time"], ["generation", "generation_time"]]);

/**
 * The seconds of each phase that is known, in their order. The last "sending" is what the others leave of the whole,
 * which is all of it where Ollama measured nothing.
 * @param {Summary} entry
 * @returns {{name: PhaseName, seconds: number}[]}
 */
export function phasesOf(entry) {
  const whole = entry.request_time;
  if (!(whole > 0)) return [];
  /** @type {{name: PhaseName, seconds: number}[]} */
  const phases = [];
  let rest = whole;
  for (const [name, key] of MEASURED) {
    const seconds = Math.min(entry[key] ?? 0, rest);
    if (seconds <= 0) continue;
    phases.push({ name, seconds });
    rest -= seconds;
  }
  if (rest > 0) phases.push({ name: "sending", seconds: rest });
  return phases;
}

/** How each outcome is said where there is little room. */
export const OUTCOMES = Object.freeze(/** @type {Record<string, string>} */ ({
  completed: "answered in full",
  refused: "refused",
  client_left: "client left",
  upstream_unreachable: "Ollama not reached",
  upstream_timed_out: "Ollama went silent",
  upstream_broke_off: "Ollama broke off",
  gateway_stopped: "recorder stopped",
  gateway_died: "recorder was killed",
}));

/**
 * What is worth noticing before anything else.
 * @param {Summary} entry
 * @param {number} slow  seconds from which on an exchange is slow here
 * @returns {Mark[]}
 */
export function marksOf(entry, slow) {
  /** @type {Mark[]} */
  const marks = [];
  const took = entry.request_time ?? 0;
  if (entry.outcome && entry.outcome !== "completed") {
    const after = entry.outcome === "client_left" && took >= 0.1 ? ` after ${duration(took)}` : "";
    const status = entry.outcome === "refused" && entry.status ? ` ${entry.status}` : "";
    marks.push({ text: (OUTCOMES[entry.outcome] ?? entry.outcome) + after + status, tone: "bad" });
  } else if (entry.failed) {
    marks.push({ text: entry.status >= 400 ? `error ${entry.status}` : "error", tone: "bad" });
  }
  if (entry.prompt_truncated) {
    marks.push({ text: entry.context_length ? `prompt cut at ${whole(entry.context_length)} tokens` : "prompt cut", tone: "warn" });
  }
  if (took >= slow) {
    const waited = entry.wait_time ?? 0;
    marks.push({ text: waited >= took / 2 ? `waited ${duration(waited)}` : "slow", tone: "warn" });
  }
  return marks;
}

const CRITERIA = /** @type {[string, string][]} */ ([
  ["model", "model"], ["node", "node"], ["execution", "execution_id"], ["caller", "caller"],
  ["user", "user"], ["operation", "operation"], ["outcome", "outcome"], ["status", "status"], ["exchange", "exchange"],
]);

/**
 * Whether an exchange that just ended belongs to what is shown.
 * @param {import("./address.js").View} view
 * @param {Summary} entry
 * @returns {boolean | undefined} undefined: only the recorder can tell, for instance as whole texts are searched
 */
export function belongs(view, entry) {
  for (const [filter, key] of CRITERIA) {
    const wanted = /** @type {any} */ (view)[filter];
    if (wanted.length && !wanted.includes(String(entry[key] ?? ""))) return false;
  }
  if (view.workflow.length && !view.workflow.some((wanted) => wanted === entry.workflow || wanted === entry.workflow_id)) return false;
  if (view.failed && Boolean(entry.failed) !== (view.failed === "true")) return false;
  if (view.truncated && String(entry.prompt_truncated ?? "unknown") !== view.truncated) return false;
  if (view.to || (view.slower && (entry.request_time ?? 0) <= Number(view.slower))) return false;
  const isForRecorder = view.q || Number.isNaN(Number(view.slower));
  return isForRecorder ? undefined : true;
}

/**
 * Nothing is known yet of how one in flight will end, so filters by that leave it out.
 * @param {import("./address.js").View} view
 * @param {Summary} entry
 */
export function mayBelong(view, entry) {
  return !isByEnd(view) && belongs(view, entry) === true;
}

/**
 * Whether one in flight is left out only because nobody knows yet how it will end, or what it will have said.
 * @param {import("./address.js").View} view
 * @param {Summary} entry
 */
export function mayBelongLater(view, entry) {
  return isByEnd(view) && mayBelong({ ...view, q: "", failed: "", truncated: "", slower: "", outcome: [], status: [] }, entry);
}

/** @param {import("./address.js").View} view */
function isByEnd(view) {
  return Boolean(view.q || view.failed || view.truncated || view.slower || view.outcome.length || view.status.length);
}

/**
 * How an exchange is called where it has the page to itself: "Classify, in Invoice triage", "Chat, by curl".
 * @param {Summary} entry
 */
export function titleOf(entry) {
  const operation = entry.operation ? entry.operation[0].toUpperCase() + entry.operation.slice(1) : "Exchange";
  if (entry.workflow) return `${entry.node ?? operation}, in ${entry.workflow}`;
  return entry.caller ? `${operation}, by ${entry.caller}` : operation;
}

/**
 * Why the model stopped, where that says something; "unfinished" is the recorder's own word.
 * @param {string | undefined} reason
 */
export function endingInWords(reason) {
  if (!reason || reason === "stop") return "";
  return reason === "unfinished" ? "Ollama broke it off" : `ended because of ${reason}`;
}

/**
 * "1,204 tokens in, 96 out"
 * @param {Summary} entry
 */
export function tokensInWords(entry) {
  const [asked, answered] = [entry.prompt_tokens, entry.completion_tokens];
  if (asked === undefined && answered === undefined) return "";
  if (asked === undefined) return `${counted(answered, "token")} out`;
  if (answered === undefined) return `${counted(asked, "token")} in`;
  return `${counted(asked, "token")} in, ${whole(answered)} out`;
}
