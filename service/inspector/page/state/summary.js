/** What the list holds of each exchange: of one that ended its summary, made small; of one in flight what is known so far. */

import { GATEWAY_PREFIX, REPEATED_NAMES, SUMMARY_KEYS } from "./tables.js";

/**
 * @typedef {import("./tables.js").RecordFields} RecordFields
 *
 * @typedef {object} Excerpts
 * @property {string} [prompt]  its first words
 * @property {string} [answer]  its first words; of one in flight its last words so far
 * @property {{part: string, before: string, found: string, after: string}} [hit]  where the words of the search stand
 *
 * @typedef {object} Division
 * @property {[import("./tables.js").PhaseName, number][]} [phases]  each phase and its seconds, in their order
 *
 * @typedef {{instance?: string}} Recorded  by which recorder, where those of all are listed
 *
 * @typedef {RecordFields & Excerpts & Division & Recorded & {number: number, exchange: string, time: string, started: string}} Summary
 *   as /exchanges.json has it; times in RFC 3339
 *
 * @typedef {object} Timing
 * @property {string} exchange  its id
 * @property {number} number  grows in the order in which exchanges ended; NaN while in flight, absent of other recorders
 * @property {number} started  Unix milliseconds
 * @property {number} ended  Unix milliseconds; NaN while in flight
 * @property {string} [address]  what it is known by where it has no prompt: "GET /api/tags"
 * @property {boolean} [isOpen]  whether it is in flight
 * @property {number} [heard]  of one in flight: when the recorder told of it last, Unix milliseconds by our clock
 * @property {number} [bytes]  of one in flight: how long its answer is so far
 * @property {string} [queued]  of one in flight: at which place it waits in the recorder, and why; "" once it is at Ollama
 *
 * @typedef {RecordFields & Excerpts & Division & Recorded & Timing} ListedExchange
 */

const MOST_NAMES = 20_000;
const LONGEST_ERROR = 200;
const LONGEST_ADDRESS = 160;
/** What every address begins with, and the labels of its caller. Some clients write slashes twice. */
const BEFORE_THE_PATH = new RegExp(`^/*${GATEWAY_PREFIX}(/(~|%7[eE])[^/]*)?`);
const repeated = new Set(/** @type {readonly string[]} */ (REPEATED_NAMES));
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
 * Only what a row shows or is filtered by.
 * @param {Summary} summary
 * @returns {ListedExchange}
 */
export function compact(summary) {
  /** @type {Record<string, unknown>} */
  const kept = {};
  for (const key of SUMMARY_KEYS) {
    const value = summary[key];
    if (value === undefined || value === null) continue;
    kept[key] = repeated.has(key) && typeof value === "string" ? shared(value) : value;
  }
  const listed = /** @type {ListedExchange} */ (kept);
  if (typeof listed.error === "string" && listed.error.length > LONGEST_ERROR) {
    listed.error = `${listed.error.slice(0, LONGEST_ERROR - 1)}…`;
  }
  if (!listed.prompt && summary.request_uri) listed.address = `${summary.method} ${pathOf(summary.request_uri)}`;
  listed.ended = Date.parse(summary.time);
  listed.started = Date.parse(summary.started);
  return listed;
}

/**
 * An address without what every one begins with, and without the labels of its caller.
 * @param {string} uri
 */
function pathOf(uri) {
  return uri.replace(BEFORE_THE_PATH, "").slice(0, LONGEST_ADDRESS) || "/";
}

/**
 * One that has begun, as the recorder tells of it.
 * @param {RecordFields & Excerpts & {exchange: string, started: string}} begun
 * @returns {ListedExchange}
 */
export function inFlight(begun) {
  return { ...begun, isOpen: true, number: NaN, ended: NaN, started: Date.parse(begun.started), heard: Date.now() };
}
