/**
 * The exchanges of a view, newest first: those in flight, those that ended, and older ones page by page as one scrolls.
 * Knows nothing of elements; whoever draws is told that something changed.
 */

import { filterOf, USUAL_SPAN } from "./address.js";
import { makeCatchUp } from "./catch_up.js";
import { recordersNow } from "./clock.js";
import { makeEndedList } from "./ended_list.js";
import { makeInFlight } from "./in_flight.js";
import { FIRST_PAGE, makeLoading } from "./loading.js";
import { matches } from "./matching.js";
import { compact } from "./summary.js";
import { timestampOf } from "./timestamps.js";

/**
 * @typedef {import("./summary.js").Summary} Summary
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {import("./address.js").View} View
 * @typedef {import("./in_flight.js").Begun} Begun
 *
 * @typedef {object} Change
 * @property {number} [prepended]  how many more rows stand at the top
 * @property {boolean} [reset]  all is loaded anew
 * @property {boolean} [isOutdated]  more is missing than can be asked for at once
 * @property {boolean} [isUncounted]  nobody heard of these before: the totals lack them too
 * @typedef {ReturnType<typeof makeFeed>} Feed
 */

/**
 * @param {View} view
 * @param {(change: Change) => void} changed
 * @param {number} [heard]  the newest number that there is, as far as was heard
 */
export function makeFeed(view, changed, heard = 0) {
  const flying = makeInFlight(view, (prepended) => changed({ prepended }));
  const list = makeEndedList(`/exchanges.json?${filterOf(view, { limit: FIRST_PAGE })}`);
  const loading = makeLoading({ list, changed, pageLoaded, loaded: () => catching.resume() });
  const catching = makeCatchUp({
    view, list, isBusy: () => loading.isUnderWay() || loading.trouble() !== undefined,
    found: (fresh) => add(fresh, { isUncounted: true }), outdated: () => changed({ isOutdated: true }),
  }, heard);

  /** @param {boolean} isFirst */
  function pageLoaded(isFirst) {
    if (isFirst && (list.items().length || !list.next())) catching.noteMissing();
  }

  /** @param {() => void} [answered]  called when the first page is here */
  async function reload(answered) {
    list.clear();
    catching.forget();
    changed({ reset: true });
    await loading.load(answered);
  }

  /**
   * @param {ListedExchange[]} fresh
   * @param {Change} [change]
   */
  function add(fresh, change) {
    const prepended = list.insert(fresh);
    if (!loading.isUnderWay()) list.trim();
    if (prepended) changed({ ...change, prepended });
  }

  /** @param {number} number  of an exchange that is not here, or left out by the filters */
  function hear(number) {
    catching.hear(number);
    // What the first page lacks is seen when it is here.
    if (list.items().length || !loading.isUnderWay()) catching.noteMissing();
  }

  /** @param {Summary} summary  of an exchange that just ended @returns {boolean} whether it is shown */
  function ended(summary) {
    flying.end(summary.exchange);
    const exchange = compact(summary);
    const isWanted = matches(view, exchange);
    if (isWanted) {
      catching.hear(exchange.number);
      add([exchange]);
    } else if (isWanted === undefined) {
      hear(exchange.number);
      catching.soon();
    }
    return isWanted === true;
  }

  /** Lets go of those that a span like "the last hour" has left behind. */
  function dropPassed() {
    const before = list.items().length;
    const begins = view.to ? NaN : timestampOf(view.from || USUAL_SPAN, recordersNow());
    if (!loading.isUnderWay()) list.dropBefore(begins);
    if (list.items().length !== before) changed({});
  }

  return {
    reload,
    stop() {
      loading.stop();
      catching.cancel();
    },
    /** Loads the next older page, if there is one. */
    async more() {
      if (list.next() && !loading.isUnderWay() && !loading.trouble()) await loading.load();
    },
    retry: () => (list.items().length ? loading.load() : reload()),
    /** @param {{in_flight?: (Begun | ListedExchange)[], number?: number}} hello */
    hello({ in_flight = [], number = 0 }) {
      flying.reset(in_flight);
      hear(number);
      void catching.run();
    },
    begun: flying.begin,
    /** @param {import("./in_flight.js").Progress} progress */
    progress(progress) {
      if (flying.advance(progress)) changed({});
    },
    ended,
    dropSilent: flying.dropSilent,
    dropPassed,
    ...rowsOf(flying, list),
    inFlight: flying.get,
    allInFlight: flying.all,
    awaited: flying.awaited,
    heard: catching.heard,
    isLoading: loading.isUnderWay,
    hasMore: () => list.next() !== undefined,
    isFull: list.isFull,
    trouble: loading.trouble,
    /** What it cost where all recorders are asked. @returns {import("./shared_list.js").Scanned | undefined} */
    scanned: () => undefined,
  };
}

/**
 * All rows, those in flight first.
 * @param {ReturnType<typeof makeInFlight>} flying
 * @param {ReturnType<typeof makeEndedList>} list
 */
function rowsOf(flying, list) {
  return {
    count: () => flying.shown().length + list.items().length,
    countInFlight: () => flying.shown().length,
    /** All that have ended and are loaded, newest first. */
    allEnded: () => list.items(),
    /** @param {number} index @returns {ListedExchange | undefined} */
    at: (index) => (index < flying.shown().length ? flying.shown()[index] : list.items()[index - flying.shown().length]),
    /** @param {string} id @returns {number} of its row, or -1 */
    indexOf(id) {
      const open = flying.shown().findIndex(({ exchange }) => exchange === id);
      if (open >= 0) return open;
      const index = list.items().findIndex(({ exchange }) => exchange === id);
      return index < 0 ? -1 : index + flying.shown().length;
    },
  };
}
