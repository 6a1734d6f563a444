/**
 * What the page knows of records, filters, outcomes and phases: each name once, as the recorder writes it.
 *
 * All other modules take names from here, so a new field, filter or phase is a line in one of these tables.
 */

import { FIELD, FIELDS, FILTERS, GATEWAY_PREFIX, GROUPINGS, OUTCOMES } from "./generated.js";

export { FILTERS, GATEWAY_PREFIX, GROUPINGS, OUTCOMES };

/**
 * @typedef {import("./generated.js").RecordFields} RecordFields
 * @typedef {import("./generated.js").PhaseName} PhaseName
 *
 * @typedef {RecordFields & {time: string, started: string, response_text?: string}} RecordLine  times in RFC 3339
 */

/** What a row of the list shows or is filtered by. All else of a summary is let go. */
export const SUMMARY_KEYS = Object.freeze(/** @type {const} */ ([
  "number", FIELD.exchange, FIELD.status, FIELD.request_time, FIELD.outcome, FIELD.failed, FIELD.operation, FIELD.model, FIELD.prompt_tokens,
  FIELD.completion_tokens, FIELD.tokens_per_second, FIELD.prompt_truncated, FIELD.prompt_truncated_by, FIELD.context_length,
  FIELD.wait_time, FIELD.time_to_first_token, FIELD.upstream, "phases",
  FIELD.workflow, FIELD.workflow_id, FIELD.execution_id, FIELD.conversation_id, FIELD.node, FIELD.item, FIELD.attempt,
  FIELD.caller, FIELD.user, FIELD.key, FIELD.remote_addr, FIELD.task, FIELD.error, FIELD.replay_of, "prompt", "answer", "hit",
  "instance",
]));

/** The fields in which few names come again and again: one string serves all rows. */
export const REPEATED_NAMES = Object.freeze([
  FIELD.outcome, FIELD.operation, FIELD.model, FIELD.workflow, FIELD.node, FIELD.caller, FIELD.user, FIELD.key, FIELD.remote_addr, FIELD.task,
  FIELD.prompt_truncated_by, FIELD.upstream, "instance",
]);

/**
 * @typedef {(typeof FILTERS)[number]} Filter
 * @typedef {Extract<Filter, {isRepeated: true}>} RepeatedFilter
 * @typedef {RepeatedFilter["name"]} Facet  a filter of which several values may be wanted: any of them
 * @typedef {Exclude<Filter["name"], Facet>} SingleFilter
 * @typedef {Extract<Filter, {kind: "truth" | "truth_if_known"}>["name"]} TruthFilter
 */

/** @param {Filter} filter @returns {filter is RepeatedFilter} */
const isRepeated = (filter) => "isRepeated" in filter;

/** The filters that may have several values. */
export const REPEATED_FILTERS = Object.freeze(FILTERS.filter(isRepeated));

/** Their names. */
export const FACETS = Object.freeze(REPEATED_FILTERS.map(({ name }) => name));

/** The filters that have one value. */
export const SINGLE_FILTERS = Object.freeze(
  /** @type {SingleFilter[]} */ (FILTERS.filter((filter) => !isRepeated(filter)).map(({ name }) => name)),
);

/** The filters that are "true", "false" or "" for any; "unknown" too, where a record may not tell. */
export const TRUTH_FILTERS = Object.freeze(
  /** @type {TruthFilter[]} */ (FILTERS.filter(({ kind }) => kind === "truth" || kind === "truth_if_known").map(({ name }) => name)),
);

/** How a facet is called. */
export const FACET_LABELS = Object.freeze(
  /** @type {Record<Facet, string>} */ (Object.fromEntries(REPEATED_FILTERS.map(({ name, label }) => [name, label]))),
);

/** The facets that can be chosen among, in the order in which they are offered. */
export const OFFERED_FACETS = Object.freeze(/** @type {Facet[]} */ ([
  "model", "workflow", "caller", "node", "execution", "conversation", "user", "key", "address", "task", "operation", "upstream", "outcome", "status", "cut",
]));

/** The facets that always have a button; others have one while they are used. */
export const PROMINENT_FACETS = Object.freeze(/** @type {Facet[]} */ (["model", "workflow", "caller"]));

/** The statuses that occur. The recorder counts names, not statuses. */
export const STATUSES = Object.freeze(["200", "400", "403", "404", "429", "499", "500", "502", "503", "504"]);

/** How each phase is called. */
export const PHASE_LABELS = Object.freeze(/** @type {Record<PhaseName, string>} */ ({
  queue: "waiting in the recorder", wait: "waiting to run", prompt: "reading the prompt", generation: "generating", sending: "sending",
}));

/** How each kind of finding is taken; the others are a warning. */
export const FINDING_TONES = Object.freeze(/** @type {Record<string, "bad" | "fine" | "note" | undefined>} */ ({
  failed: "bad", client_left: "bad", stopped: "note", quick: "fine", maybe_cut_prompt: "note",
}));

/** The kinds of a timeline's dots: a dot has the place of its kind here. `label` is "" where nothing is worth telling. */
export const DOT_KINDS = Object.freeze([
  { name: "completed", label: "" }, { name: "failed", label: "failed" }, { name: "left", label: "the client left" },
]);

/** What a line of an export is, in the formats in which each line is one of them: a cell of a table may hold line breaks. */
export const EXPORTED_LINES = Object.freeze(/** @type {Record<string, string>} */ ({ "chat.jsonl": "chat", jsonl: "record" }));

/** What only an export of chats can be asked for; the names of the boxes in the form. */
export const CHAT_OPTIONS = Object.freeze(["drop_system", "thinking", "all", "tasks"]);

/** How a value is shown. @typedef {"text" | "count" | "duration" | "rate" | "truth"} ValueKind */

/** "Numbers and ids" of an exchange: every field that has a label, in the order of the record. */
export const DETAILS = Object.freeze(FIELDS.filter(({ label }) => label !== ""));

/** What a comparison of two exchanges lists: label, field or phase, and how its value is shown. */
export const COMPARED = Object.freeze(/** @type {[string, keyof RecordFields | PhaseName, ValueKind][]} */ ([
  ["took", FIELD.request_time, "duration"],
  ["sending the request", FIELD.upload_time, "duration"],
  [PHASE_LABELS.wait, "wait", "duration"],
  [PHASE_LABELS.prompt, "prompt", "duration"],
  [PHASE_LABELS.generation, "generation", "duration"],
  ["speed", FIELD.tokens_per_second, "rate"],
  ["tokens in", FIELD.prompt_tokens, "count"],
  ["tokens out", FIELD.completion_tokens, "count"],
]));
