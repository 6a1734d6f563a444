/** One exchange with all that the recorder knows of it: /exchanges/ID.json. */

import { ask } from "./api.js";

/**
 * @typedef {{name: string, arguments: string, id?: string}} ToolCall
 *
 * @typedef {object} Turn
 * @property {string} role
 * @property {string} text
 * @property {string} [thinking]
 * @property {ToolCall[]} [tool_calls]
 * @property {string[]} [images]
 * @property {string} [name]
 * @property {string} [tool_call_id]
 * @property {string} [typed]  the words of the text that a person typed, where a program put a document before them
 *
 * @typedef {object} Conversation
 * @property {Turn[]} turns
 * @property {Turn | null} [answer]
 * @property {Tool[]} [tools]
 * @property {Record<string, unknown> & {options?: Record<string, unknown>}} [parameters]
 * @property {boolean} is_whole
 * @property {boolean} has_unread  something in the answer that no field tells
 *
 * @typedef {ToolFunction & {function?: ToolFunction}} Tool  as the request had it; OpenAI's form wraps it
 * @typedef {{name?: unknown, description?: unknown}} ToolFunction
 *
 * @typedef {{name: import("./tables.js").PhaseName, seconds: number, begins: number, text: string}} ExplainedPhase  seconds
 * @typedef {{kind: string, text: string, advice?: string}} Finding
 * @typedef {{sentence?: string, phases: ExplainedPhase[], findings: Finding[]}} Explanation
 *
 * @typedef {{kind: string, text: string, advice?: string, before?: string, now?: string}} ContentFinding
 *
 * @typedef {{part: string, tokens: number, share: number}} ContextShare  shares from 0 to 1
 * @typedef {{window: number, is_known: boolean, parts: ContextShare[]}} ContextShares
 *
 * @typedef {{bytes: number, kept?: number, is_shortened: boolean}} KeptBody  bytes that passed, and that are kept; of another
 *   recorder's none are here
 *
 * @typedef {object} ExchangeDetail
 * @property {import("./tables.js").RecordLine} record
 * @property {Conversation} [conversation]
 * @property {Explanation} [explanation]
 * @property {ContentFinding[]} [content]
 * @property {ContextShares} [context]
 * @property {string} [call_before]  an id
 * @property {string} [calls_of]  "node", "workflow" or "chat": what this and the call before it are calls of
 * @property {string} [previous]  an id, in the same execution or else conversation
 * @property {string} [next]  an id, in the same execution or else conversation
 * @property {number} [turns_known]  how many exchanges its conversation has
 * @property {string} [replay_of]  an id
 * @property {string[]} replays  ids
 * @property {string} [trace_url]
 * @property {string} [n8n_url]  of the execution
 * @property {KeptBody} request
 * @property {KeptBody} response
 * @property {boolean} may_replay
 * @property {string} [why_no_replay]  a sentence
 * @property {string} [store]  "loki": it is told from its line there
 * @property {string} [instance]  then the recorder that has it
 */

/**
 * What the list tells of it, for those who may see numbers only.
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @param {string} [store]  as the view has it
 * @returns {Promise<import("./tables.js").RecordLine | undefined>}
 */
export async function askForNumbers(id, signal, store = "") {
  const { exchanges } = await ask(`/exchanges.json?exchange=${encodeURIComponent(id)}${store && `&store=${store}`}`, { signal });
  return exchanges[0];
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @param {string} [store]  as the view has it
 * @returns {Promise<ExchangeDetail>}
 */
export function askForExchange(id, signal, store = "") {
  return ask(`/exchanges/${encodeURIComponent(id)}.json${store && `?store=${store}`}`, { signal });
}
