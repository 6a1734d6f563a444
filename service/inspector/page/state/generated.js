/** The recorder's own tables, written from its Python by `make written`. Nobody edits this file. */

/**
 * The fields of a record, without its bodies and its times. What is unknown is absent.
 *
 * @typedef {object} RecordFields
 * @property {string} [method]
 * @property {string} [request_uri]
 * @property {number} [status]
 * @property {number} [request_time]  seconds
 * @property {string} [error]
 * @property {string} [outcome]
 * @property {boolean} [failed]
 * @property {string} [operation]
 * @property {string} [api]
 * @property {string} [model]
 * @property {string} [remote_host]
 * @property {string} [remote_model]
 * @property {string} [response_model]
 * @property {string} [response_id]
 * @property {boolean} [stream]
 * @property {string} [done_reason]
 * @property {number} [prompt_tokens]  tokens
 * @property {number} [cached_tokens]  tokens
 * @property {number} [completion_tokens]  tokens
 * @property {number} [tokens_per_second]  tokens/s
 * @property {boolean} [prompt_truncated]
 * @property {string} [prompt_truncated_by]
 * @property {number} [prompt_lost_messages]
 * @property {number} [prompt_lost_tokens]  tokens
 * @property {number} [context_length]  tokens
 * @property {number} [queue_time]  seconds
 * @property {string} [queue_behind]
 * @property {number} [upload_time]  seconds
 * @property {number} [wait_time]  seconds
 * @property {number} [load_time]  seconds
 * @property {number} [prompt_time]  seconds
 * @property {number} [generation_time]  seconds
 * @property {number} [time_to_first_byte]  seconds
 * @property {number} [time_to_first_token]  seconds
 * @property {number} [energy]  J
 * @property {string} [upstream]
 * @property {number} [upstream_status]
 * @property {string} [workflow]
 * @property {string} [workflow_id]
 * @property {string} [execution_id]
 * @property {string} [conversation_id]
 * @property {string} [node]
 * @property {number} [item]
 * @property {number} [attempt]
 * @property {string} [caller]
 * @property {string} [user]
 * @property {string} [replay_of]
 * @property {string} [key]
 * @property {string} [task]
 * @property {string} [user_agent]
 * @property {string} [remote_addr]
 * @property {number} [request_bytes]  bytes
 * @property {number} [response_bytes]  bytes
 * @property {string[]} [changed]
 * @property {boolean} [request_truncated]
 * @property {boolean} [response_truncated]
 * @property {number} [images]
 * @property {number} [dimensions]
 * @property {string} [exchange]
 * @property {string} [trace_id]
 * @property {string} [span_id]
 *
 * @typedef {"queue" | "wait" | "prompt" | "generation" | "sending"} PhaseName
 */

/** The name of each field: what is misspelt is found when types are checked. */
export const FIELD = Object.freeze(/** @type {const} */ ({
  time: "time",
  method: "method",
  request_uri: "request_uri",
  status: "status",
  request_time: "request_time",
  error: "error",
  outcome: "outcome",
  failed: "failed",
  operation: "operation",
  api: "api",
  model: "model",
  remote_host: "remote_host",
  remote_model: "remote_model",
  response_model: "response_model",
  response_id: "response_id",
  stream: "stream",
  done_reason: "done_reason",
  prompt_tokens: "prompt_tokens",
  cached_tokens: "cached_tokens",
  completion_tokens: "completion_tokens",
  tokens_per_second: "tokens_per_second",
  prompt_truncated: "prompt_truncated",
  prompt_truncated_by: "prompt_truncated_by",
  prompt_lost_messages: "prompt_lost_messages",
  prompt_lost_tokens: "prompt_lost_tokens",
  context_length: "context_length",
  queue_time: "queue_time",
  queue_behind: "queue_behind",
  upload_time: "upload_time",
  wait_time: "wait_time",
  load_time: "load_time",
  prompt_time: "prompt_time",
  generation_time: "generation_time",
  time_to_first_byte: "time_to_first_byte",
  time_to_first_token: "time_to_first_token",
  energy: "energy",
  upstream: "upstream",
  upstream_status: "upstream_status",
  workflow: "workflow",
  workflow_id: "workflow_id",
  execution_id: "execution_id",
  conversation_id: "conversation_id",
  node: "node",
  item: "item",
  attempt: "attempt",
  caller: "caller",
  user: "user",
  replay_of: "replay_of",
  key: "key",
  task: "task",
  user_agent: "user_agent",
  remote_addr: "remote_addr",
  request_bytes: "request_bytes",
  response_bytes: "response_bytes",
  changed: "changed",
  request_truncated: "request_truncated",
  response_truncated: "response_truncated",
  images: "images",
  dimensions: "dimensions",
  exchange: "exchange",
  trace_id: "trace_id",
  span_id: "span_id",
  started: "started",
}));

/** The fields of a record without its bodies, in the order of its line. */
export const FIELDS = Object.freeze(/** @type {const} */ ([
  { name: "time", kind: "time", unit: "", label: "ended" },
  { name: "method", kind: "text", unit: "", label: "method" },
  { name: "request_uri", kind: "text", unit: "", label: "address" },
  { name: "status", kind: "count", unit: "", label: "status" },
  { name: "request_time", kind: "number", unit: "s", label: "took" },
  { name: "error", kind: "text", unit: "", label: "error" },
  { name: "outcome", kind: "text", unit: "", label: "outcome" },
  { name: "failed", kind: "truth", unit: "", label: "failed" },
  { name: "operation", kind: "text", unit: "", label: "operation" },
  { name: "api", kind: "text", unit: "", label: "API" },
  { name: "model", kind: "text", unit: "", label: "model" },
  { name: "remote_host", kind: "text", unit: "", label: "passed on to" },
  { name: "remote_model", kind: "text", unit: "", label: "model there" },
  { name: "response_model", kind: "text", unit: "", label: "answered by" },
  { name: "response_id", kind: "text", unit: "", label: "" },
  { name: "stream", kind: "truth", unit: "", label: "streamed" },
  { name: "done_reason", kind: "text", unit: "", label: "ended because of" },
  { name: "prompt_tokens", kind: "count", unit: "tokens", label: "tokens in" },
  { name: "cached_tokens", kind: "count", unit: "tokens", label: "of these from the cache" },
  { name: "completion_tokens", kind: "count", unit: "tokens", label: "tokens out" },
  { name: "tokens_per_second", kind: "number", unit: "tokens/s", label: "speed" },
  { name: "prompt_truncated", kind: "truth", unit: "", label: "prompt cut" },
  { name: "prompt_truncated_by", kind: "text", unit: "", label: "cut by" },
  { name: "prompt_lost_messages", kind: "count", unit: "", label: "messages lost, at least" },
  { name: "prompt_lost_tokens", kind: "count", unit: "tokens", label: "tokens lost, at least" },
  { name: "context_length", kind: "count", unit: "tokens", label: "context" },
  { name: "queue_time", kind: "number", unit: "s", label: "queued" },
  { name: "queue_behind", kind: "text", unit: "", label: "queued behind" },
  { name: "upload_time", kind: "number", unit: "s", label: "request sent after" },
  { name: "wait_time", kind: "number", unit: "s", label: "waited" },
  { name: "load_time", kind: "number", unit: "s", label: "of this loading" },
  { name: "prompt_time", kind: "number", unit: "s", label: "read the prompt in" },
  { name: "generation_time", kind: "number", unit: "s", label: "generated in" },
  { name: "time_to_first_byte", kind: "number", unit: "s", label: "first byte after" },
  { name: "time_to_first_token", kind: "number", unit: "s", label: "first token after" },
  { name: "energy", kind: "number", unit: "J", label: "energy, estimated" },
  { name: "upstream", kind: "text", unit: "", label: "Ollama" },
  { name: "upstream_status", kind: "count", unit: "", label: "Ollama's status" },
  { name: "workflow", kind: "text", unit: "", label: "workflow" },
  { name: "workflow_id", kind: "text", unit: "", label: "workflow id" },
  { name: "execution_id", kind: "text", unit: "", label: "execution" },
  { name: "conversation_id", kind: "text", unit: "", label: "conversation" },
  { name: "node", kind: "text", unit: "", label: "node" },
  { name: "item", kind: "count", unit: "", label: "item" },
  { name: "attempt", kind: "count", unit: "", label: "try" },
  { name: "caller", kind: "text", unit: "", label: "caller" },
  { name: "user", kind: "text", unit: "", label: "user" },
  { name: "replay_of", kind: "text", unit: "", label: "repeats" },
  { name: "key", kind: "text", unit: "", label: "key" },
  { name: "task", kind: "text", unit: "", label: "task" },
  { name: "user_agent", kind: "text", unit: "", label: "program" },
  { name: "remote_addr", kind: "text", unit: "", label: "from" },
  { name: "request_bytes", kind: "count", unit: "bytes", label: "bytes sent" },
  { name: "response_bytes", kind: "count", unit: "bytes", label: "bytes answered" },
  { name: "changed", kind: "names", unit: "", label: "put in" },
  { name: "request_truncated", kind: "truth", unit: "", label: "" },
  { name: "response_truncated", kind: "truth", unit: "", label: "" },
  { name: "images", kind: "count", unit: "", label: "pictures" },
  { name: "dimensions", kind: "count", unit: "", label: "numbers a vector" },
  { name: "exchange", kind: "text", unit: "", label: "exchange" },
  { name: "trace_id", kind: "text", unit: "", label: "trace" },
  { name: "span_id", kind: "text", unit: "", label: "" },
  { name: "started", kind: "time", unit: "", label: "began" },
]));

/** The filters. Any of its `fields` may hold what one asks for. */
export const FILTERS = Object.freeze(/** @type {const} */ ([
  { name: "q", kind: "words", isAtEnd: true },
  { name: "failed", kind: "truth", fields: ["failed"], label: "failed", isAtEnd: true },
  { name: "truncated", kind: "truth_if_known", fields: ["prompt_truncated"], label: "prompt cut", isAtEnd: true },
  { name: "slower", kind: "duration", fields: ["request_time"], label: "slower", isAtEnd: true },
  { name: "from", kind: "time", fields: ["time"] },
  { name: "to", kind: "time" },
  { name: "model", kind: "name", fields: ["model"], isRepeated: true, label: "model" },
  { name: "workflow", kind: "name", fields: ["workflow", "workflow_id"], isRepeated: true, label: "workflow" },
  { name: "execution", kind: "name", fields: ["execution_id"], isRepeated: true, label: "execution" },
  { name: "conversation", kind: "name", fields: ["conversation_id"], isRepeated: true, label: "conversation" },
  { name: "node", kind: "name", fields: ["node"], isRepeated: true, label: "node" },
  { name: "caller", kind: "name", fields: ["caller"], isRepeated: true, label: "caller" },
  { name: "user", kind: "name", fields: ["user"], isRepeated: true, label: "user" },
  { name: "key", kind: "name", fields: ["key"], isRepeated: true, label: "key" },
  { name: "address", kind: "name", fields: ["remote_addr"], isRepeated: true, label: "address" },
  { name: "task", kind: "name", fields: ["task"], isRepeated: true, label: "task" },
  { name: "upstream", kind: "name", fields: ["upstream"], isRepeated: true, label: "Ollama" },
  { name: "operation", kind: "name", fields: ["operation"], isRepeated: true, label: "operation" },
  { name: "outcome", kind: "name", fields: ["outcome"], isRepeated: true, label: "outcome", isAtEnd: true },
  { name: "status", kind: "name", fields: ["status"], isRepeated: true, label: "status", isAtEnd: true },
  { name: "cut", kind: "name", fields: ["prompt_truncated_by"], isRepeated: true, label: "cut by", isAtEnd: true },
  { name: "exchange", kind: "id", fields: ["exchange"], isRepeated: true, label: "exchange" },
]));

/** What totals can be grouped by; the first is meant where none is named. */
export const GROUPINGS = Object.freeze(/** @type {const} */ ([
  "model",
  "workflow",
  "node",
  "caller",
  "user",
  "key",
  "task",
  "operation",
  "outcome",
  "address",
  "cut",
  "upstream",
]));

/** How each outcome is named where there is little room. */
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

/** Below it lies Ollama. */
export const GATEWAY_PREFIX = "/api/ollama";
