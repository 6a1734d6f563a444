/** Asking for exchanges that were heard of and are not in the list yet, until the recorder's index has them. */

import { filterOf } from "./address.js";
import { ask, isAborted, oneAtATime } from "./api.js";
import { compact } from "./summary.js";

/**
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {import("./ended_list.js").Page} Page
 *
 * @typedef {object} Dependencies
 * @property {import("./address.js").View} view
 * @property {ReturnType<typeof import("./ended_list.js").makeEndedList>} list
 * @property {() => boolean} isBusy  whether the list is loading, or could not be loaded
 * @property {(fresh: ListedExchange[]) => void} found
 * @property {() => void} outdated  more is missing than can be asked for at once
 */

const MOST_AT_ONCE = 500;
/** The index, which all lists come from, follows the journal: after some milliseconds, or later when much ends at once. */
const FIRST_DELAY = 400;
const LONGEST_DELAY = 6_400;
const MOST_TRIES = 12;

/**
 * @param {Dependencies} dependencies
 * @param {number} heard  the newest number that there is, as far as was heard
 */
export function makeCatchUp({ view, list, isBusy, found, outdated }, heard) {
  const asking = oneAtATime();
  /** Some of those after this number may be missing here. @type {number | undefined} */
  let missing;
  let isUnderWay = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run(tries = 0) {
    clearTimeout(timer);
    timer = undefined;
    if (missing === undefined || isUnderWay || isBusy()) return;
    isUnderWay = true;
    const [wanted, signal] = [heard, asking.next()];
    let isThere = false;
    try {
      isThere = await isIndexed(wanted, signal);
      const { fresh, isAll } = await askAfter(missing, signal);
      if (isAll) found(fresh);
      else outdated();
      if (isThere) list.complete(wanted);
      if (isThere || !isAll) missing = heard > wanted ? wanted : undefined;
    } catch (error) {
      if (isAborted(error)) return;
      console.info(/** @type {Error} */ (error).message);
    } finally {
      isUnderWay = false;
    }
    // Given up, it is asked for with the next one that ends, or with the next connection.
    if (heard > wanted) schedule(0);
    else if (!isThere && tries < MOST_TRIES) schedule(tries + 1);
  }

  /**
   * Whether the recorder's index has come to an exchange.
   * @param {number} number
   * @param {AbortSignal} signal
   */
  async function isIndexed(number, signal) {
    const from = new URLSearchParams({ after: String(number - 1), limit: "1" });
    /** @type {Page} */
    const page = await ask(`/exchanges.json?${from}`, { signal });
    return page.exchanges.length > 0;
  }

  /**
   * @param {number} after
   * @param {AbortSignal} signal
   */
  async function askAfter(after, signal) {
    /** @type {ListedExchange[]} */
    const fresh = [];
    /** @type {string | undefined} */
    let path = `/exchanges.json?${filterOf(view, { after, limit: MOST_AT_ONCE })}`;
    while (path && fresh.length < MOST_AT_ONCE) {
      /** @type {Page} */
      const page = await ask(path, { signal });
      fresh.push(...page.exchanges.map(compact));
      path = page.next;
    }
    return { fresh, isAll: !path };
  }

  /** @param {number} tries */
  function schedule(tries) {
    timer ??= setTimeout(run, Math.min(FIRST_DELAY * 2 ** tries, LONGEST_DELAY), tries);
  }

  function cancel() {
    asking.stop();
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    heard: () => heard,
    /** @param {number} number  of an exchange that ended */
    hear(number) {
      heard = Math.max(heard, number);
    },
    /** Remembers that the list may lack what was heard of. */
    noteMissing() {
      if (heard > list.newest()) missing ??= list.newest();
    },
    run: () => run(),
    /** Goes on where nothing could be asked for, as the list was loading. */
    resume() {
      if (missing !== undefined) void run();
    },
    soon: () => schedule(0),
    /** Asks for nothing more. */
    cancel,
    /** Asks for nothing more, and forgets that something was missing: the list is loaded anew. */
    forget() {
      missing = undefined;
      cancel();
    },
  };
}
