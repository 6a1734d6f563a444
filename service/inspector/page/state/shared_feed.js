/**
 * The exchanges of all recorders, newest first, as the Loki that they ship to has them. Nobody tells of what ends at the
 * others: the newest are asked for again and again. What is in flight is known of this recorder only, and not shown.
 */

import { filterOf, USUAL_SPAN } from "./address.js";
import { ask, isAborted, oneAtATime } from "./api.js";
import { recordersNow } from "./clock.js";
import { makeInFlight } from "./in_flight.js";
import { FIRST_PAGE, makeLoading } from "./loading.js";
import { makeSharedList } from "./shared_list.js";
import { timestampOf } from "./timestamps.js";

/**
 * @typedef {import("./address.js").View} View
 * @typedef {import("./feed.js").Feed} Feed
 * @typedef {import("./ended_list.js").Page} Page
 */

const ASKED_EVERY = 15_000;
/** One that ended here is in Loki a moment later. */
const UNTIL_SHIPPED = 2_500;
/** What ends may come to Loki later than what ended after it. Milliseconds. */
const LATE = 5 * 60_000;
const MOST_AT_ONCE = 500;

/**
 * Asks for what ended lately, again and again.
 * @param {View} view
 * @param {ReturnType<typeof makeSharedList>} list
 * @param {ReturnType<typeof makeLoading>} loading
 * @param {(change: import("./feed.js").Change) => void} changed
 */
function makeNewest(view, list, loading, changed) {
  const asking = oneAtATime();
  let [lookedAt, isStopped] = [recordersNow(), false];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {number} pause  milliseconds */
  function lookIn(pause) {
    clearTimeout(timer);
    if (!isStopped && !view.to) timer = setTimeout(look, pause);
  }

  async function look() {
    if (!document.hidden && !loading.isUnderWay() && !loading.trouble()) await askForNewest();
    lookIn(ASKED_EVERY);
  }

  async function askForNewest() {
    const [now, oldest] = [recordersNow(), beginOf(view)];
    const from = Math.max(lookedAt - LATE, Number.isNaN(oldest) ? -Infinity : oldest);
    try {
      const query = filterOf({ ...view, from: new Date(from).toISOString() }, { limit: MOST_AT_ONCE });
      /** @type {Page} */
      const page = await ask(`/exchanges.json?${query}`, { signal: asking.next() });
      const prepended = list.insert(page);
      if (page.next) changed({ isOutdated: true });
      else lookedAt = now;
      changed(prepended ? { prepended, isUncounted: true } : {});
    } catch (error) {
      if (!isAborted(error)) console.info(/** @type {Error} */ (error).message);
    }
  }

  return {
    lookIn,
    /** All that ended by now is being loaded. */
    begin() {
      lookedAt = recordersNow();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      asking.stop();
    },
  };
}

/** @param {View} view  @returns {number} Unix milliseconds; NaN: no time is given */
function beginOf(view) {
  return timestampOf(view.from || USUAL_SPAN, recordersNow());
}

/**
 * @param {View} view
 * @param {(change: import("./feed.js").Change) => void} changed
 * @param {number} [heard]  the newest number of this recorder that there is, as far as was heard
 * @returns {Feed}
 */
export function makeSharedFeed(view, changed, heard = 0) {
  const flying = makeInFlight(view, () => {});
  const list = makeSharedList(`/exchanges.json?${filterOf(view, { limit: FIRST_PAGE })}`);
  const loading = makeLoading({ list, changed, pageLoaded() {}, loaded() {} });
  const newest = makeNewest(view, list, loading, changed);

  /** @param {() => void} [answered] */
  async function reload(answered) {
    list.clear();
    newest.begin();
    changed({ reset: true });
    await loading.load(answered);
    newest.lookIn(ASKED_EVERY);
  }

  return {
    reload,
    stop() {
      newest.stop();
      loading.stop();
    },
    async more() {
      if (list.next() && !loading.isUnderWay() && !loading.trouble()) await loading.load();
    },
    retry: () => (list.items().length ? loading.load() : reload()),
    hello({ in_flight = [], number = 0 }) {
      flying.reset(in_flight);
      heard = Math.max(heard, number);
    },
    begun: flying.begin,
    progress(progress) {
      flying.advance(progress);
    },
    ended(summary) {
      flying.end(summary.exchange);
      heard = Math.max(heard, summary.number);
      newest.lookIn(UNTIL_SHIPPED);
      return false;
    },
    dropSilent: flying.dropSilent,
    dropPassed() {
      const before = list.items().length;
      if (!loading.isUnderWay() && !view.to) list.dropBefore(beginOf(view));
      if (list.items().length !== before) changed({});
    },
    count: () => list.items().length,
    countInFlight: () => 0,
    allEnded: () => list.items(),
    at: (index) => list.items()[index],
    indexOf: (id) => list.items().findIndex(({ exchange }) => exchange === id),
    inFlight: flying.get,
    allInFlight: flying.all,
    awaited: () => 0,
    heard: () => heard,
    isLoading: loading.isUnderWay,
    hasMore: () => list.next() !== undefined,
    isFull: list.isFull,
    trouble: loading.trouble,
    scanned: list.scanned,
  };
}
