/** The exchanges of a view that have ended, newest first, each once, as far as they have been loaded. */

import { withLimit } from "./api.js";
import { compact } from "./summary.js";

/**
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {{exchanges: import("./summary.js").Summary[], next?: string, scanned?: import("./shared_list.js").Scanned}} Page
 *   of /exchanges.json; `scanned` where all recorders were asked
 */

/** The pages after the first are as large as the recorder gives. */
const PAGE = 500;
/** Elements cannot be higher than browsers count; nobody scrolls further than this, but filters go there. */
const MOST = 200_000;

/** @param {string} first  the address of the first page */
export function makeEndedList(first) {
  /** @type {ListedExchange[]} */
  let items = [];
  /** @type {string | undefined} */
  let next = first;
  /** Up to this number all are here, save what is being caught up with. */
  let newest = 0;

  /**
   * The newest so many, and none of those that would follow the others.
   * @param {number} count
   */
  function keep(count) {
    if (count === items.length) return;
    items.length = count;
    next = undefined;
  }

  return {
    items: () => items,
    /** The address of the next page; undefined at the end. */
    next: () => next,
    newest: () => newest,
    isFull: () => items.length >= MOST,
    clear() {
      items = [];
      next = first;
    },
    /** @param {Page} page  the one that `next` named */
    append(page) {
      const oldest = items.length ? items[items.length - 1].number : Infinity;
      for (const summary of page.exchanges) if (summary.number < oldest) items.push(compact(summary));
      newest = Math.max(newest, items[0]?.number ?? 0);
      next = page.next && items.length < MOST ? withLimit(page.next, PAGE) : undefined;
    },
    /**
     * @param {ListedExchange[]} fresh  in any order
     * @returns {number} how many were not here
     */
    insert(fresh) {
      let inserted = 0;
      for (const exchange of fresh.sort((one, other) => one.number - other.number)) {
        let at = 0;
        while (at < items.length && items[at].number > exchange.number) at++;
        // Older than what has been loaded: it comes with its page.
        if (items[at]?.number === exchange.number || (at === items.length && next)) continue;
        items.splice(at, 0, exchange);
        inserted++;
      }
      newest = Math.max(newest, items[0]?.number ?? 0);
      return inserted;
    },
    /** No more than may be. */
    trim() {
      keep(Math.min(items.length, MOST));
    },
    /**
     * Lets go of what ended before a moment.
     * @param {number} moment  Unix milliseconds
     */
    dropBefore(moment) {
      let count = items.length;
      while (count && items[count - 1].ended < moment) count--;
      keep(count);
    },
    /** @param {number} number  up to which all are here */
    complete(number) {
      newest = Math.max(newest, number);
    },
  };
}
