/** The exchanges of all recorders that a view shows, newest first, each once, as far as they have been loaded. */

import { withLimit } from "./api.js";
import { compact } from "./summary.js";

/**
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {import("./ended_list.js").Page} Page
 * @typedef {{from: string, bytes: number, seconds: number, warnings?: string[]}} Scanned  down to when, how much, for how long
 *   Loki looked, and what it warned of: then any exchange may be missing
 */

/** The pages after the first are as large as the recorder gives. */
const PAGE = 500;
const MOST = 200_000;

/** @param {ListedExchange} exchange  two recorders may each have one of the same id */
const keyOf = ({ exchange, instance = "" }) => `${exchange} ${instance}`;

/** @param {string} first  the address of the first page */
export function makeSharedList(first) {
  /** @type {ListedExchange[]} */
  let items = [];
  /** @type {Set<string>} */
  let known = new Set();
  /** @type {string | undefined} */
  let next = first;
  /** @type {Scanned | undefined} */
  let scanned;

  /** @param {ListedExchange} exchange  @returns {boolean} whether it was not here */
  function isNew(exchange) {
    const key = keyOf(exchange);
    if (known.has(key)) return false;
    known.add(key);
    return true;
  }

  /** @param {Scanned | undefined} more */
  function count(more) {
    if (!more) return;
    const from = scanned && scanned.from < more.from ? scanned.from : more.from;
    const warnings = [...new Set([...(scanned?.warnings ?? []), ...(more.warnings ?? [])])];
    scanned = { from, bytes: (scanned?.bytes ?? 0) + more.bytes, seconds: (scanned?.seconds ?? 0) + more.seconds };
    if (warnings.length) scanned.warnings = warnings;
  }

  return {
    items: () => items,
    next: () => next,
    isFull: () => items.length >= MOST,
    scanned: () => scanned,
    clear() {
      items = [];
      known = new Set();
      next = first;
      scanned = undefined;
    },
    /** @param {Page} page  the one that `next` named */
    append(page) {
      for (const exchange of page.exchanges.map(compact)) if (isNew(exchange)) items.push(exchange);
      count(page.scanned);
      next = page.next && items.length < MOST ? withLimit(page.next, PAGE) : undefined;
    },
    /**
     * @param {Page} page  of what ended lately
     * @returns {number} how many were not here
     */
    insert(page) {
      count(page.scanned);
      const fresh = page.exchanges.map(compact).filter(isNew);
      for (const exchange of fresh) {
        const at = items.findIndex(({ ended }) => ended <= exchange.ended);
        items.splice(at < 0 ? items.length : at, 0, exchange);
      }
      return fresh.length;
    },
    /**
     * Lets go of what ended before a moment.
     * @param {number} moment  Unix milliseconds
     */
    dropBefore(moment) {
      let count = items.length;
      while (count && items[count - 1].ended < moment) count--;
      if (count === items.length) return;
      items.length = count;
      next = undefined;
    },
  };
}
