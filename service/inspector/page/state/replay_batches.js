/** Batches of replays: many recorded prompts sent again, and what came out. */

import { ask } from "./api.js";

/**
 * @typedef {"old" | "new" | "same" | "bad"} Verdict
 *
 * @typedef {object} Side  of a row; what is unknown is absent
 * @property {string} exchange
 * @property {string} [model]
 * @property {number} [words]
 * @property {number} [tokens]
 * @property {number} [seconds]
 * @property {number} [speed]  tokens per second
 * @property {number} [wait]  seconds
 * @property {string} [ended]
 * @property {boolean} [json]  whether it is JSON, where that was asked for
 * @property {string[]} [tools]  that were called
 * @property {boolean} [failed]
 *
 * @typedef {object} BatchRow
 * @property {number} place
 * @property {string} exchange
 * @property {string} [prompt]
 * @property {string} [who]
 * @property {Verdict} [verdict]
 * @property {number} [likeness]  from 0 to 1
 * @property {string} [error]
 * @property {"old" | "new" | "both"} [gone]  which exchange was erased, or is older than what is kept
 * @property {Side} [old]
 * @property {Side} [new]
 *
 * @typedef {object} BatchHead
 * @property {string} batch
 * @property {string} created
 * @property {number} prompts
 * @property {{model?: string, options?: Record<string, unknown>, system?: string}} changes
 * @property {boolean} running
 * @property {string} [why_ended]
 *
 * @typedef {BatchHead & {done: number, rows: BatchRow[], sentence: string}} Batch
 */

/**
 * @param {AbortSignal} signal
 * @returns {Promise<{batches: BatchHead[], most: number}>}
 */
export const askForBatches = (signal) => ask("/replays.json", { signal });

/**
 * @param {string} batch
 * @param {AbortSignal} signal
 * @returns {Promise<Batch>}
 */
export const askForBatch = (batch, signal) => ask(`/replays/${encodeURIComponent(batch)}.json`, { signal });

/**
 * @param {string} query  which prompts, and `limit`
 * @param {Record<string, unknown>} changes
 * @returns {Promise<{batch: string, prompts: number}>}
 */
export const beginBatch = (query, changes) => ask(`/replays.json?${query}`, { method: "POST", body: changes });

/**
 * @param {string} batch
 * @param {"stop" | "go-on"} what
 */
export const tellBatch = (batch, what) => ask(`/replays/${encodeURIComponent(batch)}/${what}`, { method: "POST", body: {} });

/**
 * Its verdicts go, and its exchanges stay.
 * @param {string} batch
 */
export const forgetBatch = (batch) => ask(`/replays/${encodeURIComponent(batch)}`, { method: "DELETE" });

/**
 * @param {string} batch
 * @param {number} place
 * @param {Verdict | ""} verdict
 */
export const judge = (batch, place, verdict) => ask(`/replays/${encodeURIComponent(batch)}/verdict`, { method: "POST", body: { place, verdict } });
