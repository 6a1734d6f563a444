/**
 * What the page knows of records, filters, outcomes and phases: each name once, as the recorder writes it.
 *
 * All other modules take names from here, so a new field, filter or phase is a line in one of these tables.
 */

/**
 * The fields of a record, without its bodies and its times. What is unknown is absent.
 *
 * @typedef {object} RecordFields
 * @property {string} [method]
 * @property {string} [request_uri]
 * @property {number} [status]
 * @property {number} [request_time]  seconds
 * @property {string} [error]
 * @property {string} [outcome]  a key of OUTCOMES
 * @property {boolean} [failed]
 * @property {string} [operation]
 * @property {string} [api]
 * @property {string} [model]
 * @property {boolean} [stream]
 * @property {string} [done_reason]
 * @property {number} [prompt_tokens]
 * @property {number} [completion_tokens]
 * @property {number} [tokens_per_second]
 * @property {boolean} [prompt_truncated]
 * @property {number} [context_length]  tokens
 * @property {number} [upload_time]  seconds
 * @property {number} [wait_time]  seconds
 * @property {number} [prompt_time]  seconds
 * @property {number} [generation_time]  seconds
 * @property {number} [time_to_first_byte]  seconds
 * @property {number} [time_to_first_token]  seconds
 * @property {string} [workflow]
 * @property {string} [workflow_id]
 * @property {string} [execution_id]
 * @property {string} [node]
 * @property {string} [caller]
 * @property {string} [user]
 * @property {string} [replay_of]
 * @property {string} [user_agent]
 * @property {string} [remote_addr]
 * @property {number} [request_bytes]
 * @property {number} [response_bytes]
 * @property {string} [exchange]  its id
 * @property {string} [trace_id]
 *
 * @typedef {RecordFields & {time: string, started: string, response_text?: string}} RecordLine  times in RFC 3339
 */

/** What a row of the list shows or is filtered by. All else of a summary is let go. */
export const SUMMARY_KEYS = Object.freeze(/** @type {const} */ ([
  "number", "exchange", "status", "request_time", "outcome", "failed", "operation", "model", "prompt_tokens",
  "completion_tokens", "tokens_per_second", "prompt_truncated", "context_length", "upload_time", "wait_time",
  "prompt_time", "generation_time", "workflow", "workflow_id", "execution_id", "node", "caller", "user", "error",
  "replay_of", "prompt", "answer",
]));

/** The fields in which few names come again and again: one string serves all rows. */
export const REPEATED_NAMES = Object.freeze(["outcome", "operation", "model", "workflow", "node", "caller", "user"]);

/**
 * The filters, in the order in which an address has them.
 *
 * `fields` of a record hold what is compared; any of them may. `isRepeated`: several values may be wanted. `isAtEnd`:
 * only the end of an exchange tells whether it matches.
 */
export const FILTERS = Object.freeze(/** @type {const} */ ([
  { name: "q", kind: "words", isAtEnd: true },
  { name: "failed", kind: "truth", fields: ["failed"], isAtEnd: true },
  { name: "truncated", kind: "truth", fields: ["prompt_truncated"], isAtEnd: true },
  { name: "slower", kind: "duration", fields: ["request_time"], isAtEnd: true },
  { name: "from", kind: "time" },
  { name: "to", kind: "time" },
  { name: "model", kind: "name", fields: ["model"], isRepeated: true, label: "model" },
  { name: "workflow", kind: "name", fields: ["workflow", "workflow_id"], isRepeated: true, label: "workflow" },
  { name: "node", kind: "name", fields: ["node"], isRepeated: true, label: "node" },
  { name: "execution", kind: "name", fields: ["execution_id"], isRepeated: true, label: "execution" },
  { name: "caller", kind: "name", fields: ["caller"], isRepeated: true, label: "caller" },
  { name: "user", kind: "name", fields: ["user"], isRepeated: true, label: "user" },
  { name: "operation", kind: "name", fields: ["operation"], isRepeated: true, label: "operation" },
  { name: "outcome", kind: "name", fields: ["outcome"], isRepeated: true, label: "outcome", isAtEnd: true },
  { name: "status", kind: "name", fields: ["status"], isRepeated: true, label: "status", isAtEnd: true },
  { name: "exchange", kind: "id", fields: ["exchange"], isRepeated: true, label: "exchange" },
]));

/**
 * @typedef {(typeof FILTERS)[number]} Filter
 * @typedef {Extract<Filter, {isRepeated: true}>} RepeatedFilter
 * @typedef {RepeatedFilter["name"]} Facet  a filter of which several values may be wanted: any of them
 * @typedef {Exclude<Filter["name"], Facet>} SingleFilter
 * @typedef {Extract<Filter, {kind: "truth"}>["name"]} TruthFilter
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

/** The filters that are "true", "false" or "" for either. */
export const TRUTH_FILTERS = Object.freeze(
  /** @type {TruthFilter[]} */ (FILTERS.filter(({ kind }) => kind === "truth").map(({ name }) => name)),
);

/** How a facet is called. */
export const FACET_LABELS = Object.freeze(
  /** @type {Record<Facet, string>} */ (Object.fromEntries(REPEATED_FILTERS.map(({ name, label }) => [name, label]))),
);

/** The facets that can be chosen among, in the order in which they are offered. */
export const OFFERED_FACETS = Object.freeze(/** @type {Facet[]} */ ([
  "model", "workflow", "caller", "node", "execution", "user", "operation", "outcome", "status",
]));

/** The facets that always have a button; others have one while they are used. */
export const PROMINENT_FACETS = Object.freeze(/** @type {Facet[]} */ (["model", "workflow", "caller"]));

/** The statuses that occur. The recorder counts names, not statuses. */
export const STATUSES = Object.freeze(["200", "400", "403", "404", "429", "499", "500", "502", "503", "504"]);

/** What totals can be grouped by; the first is meant where none is named. */
export const GROUPINGS = Object.freeze(/** @type {const} */ (["model", "workflow", "node", "caller", "operation"]));

/** How each outcome is called where there is little room. */
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

/** @typedef {"wait" | "prompt" | "generation" | "sending"} PhaseName */

/** The phases that are measured, in their order. What they leave of the whole is "sending" too. */
export const PHASES = Object.freeze(/** @type {const} */ ([
  { name: "sending", field: "upload_time" },
  { name: "wait", field: "wait_time" },
  { name: "prompt", field: "prompt_time" },
  { name: "generation", field: "generation_time" },
]));

/** How each phase is called. */
export const PHASE_LABELS = Object.freeze(/** @type {Record<PhaseName, string>} */ ({
  wait: "waiting to run", prompt: "reading the prompt", generation: "generating", sending: "sending",
}));

/** How each kind of finding is taken; the others are a warning. */
export const FINDING_TONES = Object.freeze(/** @type {Record<string, "bad" | "fine" | undefined>} */ ({
  failed: "bad", client_left: "bad", quick: "fine",
}));

/** The kinds of a timeline's dots: a dot has the place of its kind here. `label` is "" where nothing is worth telling. */
export const DOT_KINDS = Object.freeze([
  { name: "completed", label: "" }, { name: "failed", label: "failed" }, { name: "left", label: "the client left" },
]);

/** What a line of an export is, in the formats in which each line is one of them: a cell of a table may hold line breaks. */
export const EXPORTED_LINES = Object.freeze(/** @type {Record<string, string>} */ ({ "chat.jsonl": "chat", jsonl: "record" }));

/** What only an export of chats can be asked for; the names of the boxes in the form. */
export const CHAT_OPTIONS = Object.freeze(["drop_system", "thinking", "all"]);

/**
 * How a value is shown. The kinds of details are more than a text, or more than one value.
 *
 * @typedef {"text" | "count" | "duration" | "rate" | "tokens" | "truth"} ValueKind
 * @typedef {"outcome" | "moment" | "sizes" | "address" | "id"} DetailKind
 */

/** "Numbers and ids" of an exchange, in their order: label, field of the record, and how its value is shown. */
export const DETAILS = Object.freeze(/** @type {[string, keyof RecordLine, ValueKind | DetailKind][]} */ ([
  ["outcome", "outcome", "outcome"],
  ["status", "status", "text"],
  ["ended because of", "done_reason", "text"],
  ["began", "started", "moment"],
  ["took", "request_time", "duration"],
  ["first byte after", "time_to_first_byte", "duration"],
  ["first token after", "time_to_first_token", "duration"],
  ["tokens in", "prompt_tokens", "count"],
  ["tokens out", "completion_tokens", "count"],
  ["speed", "tokens_per_second", "rate"],
  ["context", "context_length", "tokens"],
  ["streamed", "stream", "truth"],
  ["sent, answered", "request_bytes", "sizes"],
  ["address", "request_uri", "address"],
  ["interface", "api", "text"],
  ["workflow id", "workflow_id", "text"],
  ["user", "user", "text"],
  ["program", "user_agent", "text"],
  ["from", "remote_addr", "text"],
  ["exchange", "exchange", "id"],
  ["trace", "trace_id", "id"],
]));

/** What a comparison of two exchanges lists: label, field or phase, and how its value is shown. */
export const COMPARED = Object.freeze(/** @type {[string, keyof RecordFields | PhaseName, ValueKind][]} */ ([
  ["took", "request_time", "duration"],
  ["sending the request", "upload_time", "duration"],
  [PHASE_LABELS.wait, "wait", "duration"],
  [PHASE_LABELS.prompt, "prompt", "duration"],
  [PHASE_LABELS.generation, "generation", "duration"],
  ["speed", "tokens_per_second", "rate"],
  ["tokens in", "prompt_tokens", "count"],
  ["tokens out", "completion_tokens", "count"],
]));
