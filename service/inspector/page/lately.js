/**
 * The exchanges of a view, newest first: those in flight, those that ended, and older ones page by page as one scrolls.
 * Knows nothing of elements; whoever draws is told that something changed.
 */

import { filterOf, momentOf, USUAL_SPAN } from "./address.js";
import { ask, isAborted, oneAtATime, withLimit } from "./api.js";
import { recordersNow } from "./clock.js";
import { belongs, compact, mayBelong, mayBelongLater } from "./entry.js";

/** @typedef {import("./entry.js").Summary} Summary */
/** @typedef {import("./address.js").View} View */

/** The first page is small, as somebody waits for it; the others are as large as the recorder gives. */
const FIRST_PAGE = 100;
const PAGE = 500;
/** Elements cannot be higher than browsers count; nobody scrolls further than this, but filters go there. */
const MOST = 200_000;
const MISSED_AT_ONCE = 500;
/** The index, which all lists come from, follows the journal: after some milliseconds, or later when much ends at once. */
const INDEX_DELAY = 400;
const LONGEST_DELAY = 6_400;
const MOST_TRIES = 12;
/** Each second the recorder says how far those in flight are. */
const SILENCE = 15_000;

/**
 * @param {View} view
 * @param {(what: {prepended?: number, reset?: boolean, isOutdated?: boolean, isUncounted?: boolean}) => void} changed
 * @param {number} [heard]  the newest number that there is, as far as was heard
 */
export function makeLately(view, changed, heard = 0) {
  const asking = oneAtATime();
  const catching = oneAtATime();
  /** @type {Summary[]} */
  let entries = [];
  /** @type {Map<string, Summary>} */
  const inFlight = new Map();
  /** @type {Summary[]} */
  let flying = [];
  /** @type {string | undefined} */
  let next;
  let isLoading = false;
  /** @type {import("./api.js").Refusal | undefined} */
  let trouble;
  /** Up to this number all are here, save what `missing` says. */
  let newest = 0;
  /** Some of those after this number may be missing here. @type {number | undefined} */
  let missing;
  let isCatchingUp = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;

  /** @param {() => void} [answered]  called when the first page is here */
  async function reload(answered) {
    next = `/exchanges.json?${filterOf(view, { limit: FIRST_PAGE })}`;
    entries = [];
    missing = undefined;
    stopCatchingUp();
    changed({ reset: true });
    await load(asking.next(), answered);
  }

  /**
   * @param {AbortSignal} signal
   * @param {() => void} [answered]
   */
  async function load(signal, answered) {
    isLoading = true;
    trouble = undefined;
    changed({});
    const isFirst = entries.length === 0;
    const wanted = entries.length + FIRST_PAGE / 2;
    try {
      // One answer may end early because its time was over: then the next goes on where it stopped.
      while (next && entries.length < wanted) {
        const page = await ask(next, { signal });
        answered?.();
        answered = undefined;
        const oldest = entries.length ? entries[entries.length - 1].number : Infinity;
        for (const said of page.exchanges) if (said.number < oldest) entries.push(compact(said));
        newest = Math.max(newest, entries[0]?.number ?? 0);
        if (isFirst && heard > newest && (entries.length || !page.next)) missing ??= newest;
        next = page.next && entries.length < MOST ? withLimit(page.next, PAGE) : undefined;
        changed({});
      }
      isLoading = false;
      if (missing !== undefined) void catchUp();
    } catch (error) {
      if (isAborted(error)) return;
      isLoading = false;
      trouble = /** @type {import("./api.js").Refusal} */ (error);
    }
    changed({});
  }

  /**
   * @param {Summary[]} fresh  compact, in any order
   * @param {{isUncounted?: boolean}} [what]  set when nobody heard of them before: the numbers lack them too
   */
  function add(fresh, what) {
    let prepended = 0;
    for (const entry of fresh.sort((one, other) => one.number - other.number)) {
      let at = 0;
      while (at < entries.length && entries[at].number > entry.number) at++;
      // Older than what has been loaded: it comes with its page.
      if (entries[at]?.number === entry.number || (at === entries.length && next)) continue;
      entries.splice(at, 0, entry);
      prepended++;
    }
    newest = Math.max(newest, entries[0]?.number ?? 0);
    if (!isLoading) keep(Math.min(entries.length, MOST));
    if (prepended) changed({ ...what, prepended });
  }

  /**
   * The newest so many, and none of those that would follow the others.
   * @param {number} count
   */
  function keep(count) {
    if (count === entries.length) return;
    entries.length = count;
    next = undefined;
  }

  /** Asks for what is missing, until the index has come to what was heard of. */
  async function catchUp(tries = 0) {
    clearTimeout(later);
    later = undefined;
    if (missing === undefined || isLoading || isCatchingUp || trouble) return;
    isCatchingUp = true;
    const [wanted, signal] = [heard, catching.next()];
    let isThere = false;
    try {
      isThere = (await ask(`/exchanges.json?${new URLSearchParams({ after: String(wanted - 1), limit: "1" })}`, { signal })).exchanges.length > 0;
      const { found, isAll } = await askAfter(missing, signal);
      if (isAll) add(found, { isUncounted: true });
      else changed({ isOutdated: true });
      if (isThere) newest = Math.max(newest, wanted);
      if (isThere || !isAll) missing = heard > wanted ? wanted : undefined;
    } catch (error) {
      if (isAborted(error)) return;
      console.info(/** @type {Error} */ (error).message);
    } finally {
      isCatchingUp = false;
    }
    // Given up, it is asked for with the next one that ends, or with the next connection.
    if (heard > wanted) catchUpLater(0);
    else if (!isThere && tries < MOST_TRIES) catchUpLater(tries + 1);
  }

  /**
   * @param {number} after
   * @param {AbortSignal} signal
   */
  async function askAfter(after, signal) {
    /** @type {Summary[]} */
    const found = [];
    /** @type {string | undefined} */
    let path = `/exchanges.json?${filterOf(view, { after, limit: MISSED_AT_ONCE })}`;
    while (path && found.length < MISSED_AT_ONCE) {
      const page = await ask(path, { signal });
      found.push(...page.exchanges.map(compact));
      path = page.next;
    }
    return { found, isAll: !path };
  }

  function stopCatchingUp() {
    catching.stop();
    clearTimeout(later);
    later = undefined;
  }

  /** @param {number} tries */
  function catchUpLater(tries) {
    later ??= setTimeout(catchUp, Math.min(INDEX_DELAY * 2 ** tries, LONGEST_DELAY), tries);
  }

  /** @param {number} number  of an exchange that is not here, or left out by the filters */
  function hear(number) {
    heard = Math.max(heard, number);
    // What the first page lacks is seen when it is here.
    if (heard > newest && (entries.length || !isLoading)) missing ??= newest;
  }

  function sortFlying() {
    const before = flying.length;
    flying = [...inFlight.values()].filter((entry) => mayBelong(view, entry)).sort((one, other) => other.started - one.started);
    return flying.length - before;
  }

  return {
    reload,
    stop() {
      asking.stop();
      stopCatchingUp();
    },
    /** Loads the next older page, if there is one. */
    async more() {
      if (next && !isLoading && !trouble) await load(asking.next());
    },
    async retry() {
      if (entries.length) await load(asking.next());
      else await reload();
    },
    /** @param {{in_flight?: Summary[], number?: number}} said */
    hello(said) {
      inFlight.clear();
      for (const open of said.in_flight ?? []) inFlight.set(open.exchange, open.isOpen ? open : flight(open));
      changed({ prepended: sortFlying() });
      hear(said.number ?? 0);
      void catchUp();
    },
    /** @param {Summary} said */
    begun(said) {
      inFlight.set(said.exchange, flight(said));
      changed({ prepended: sortFlying() });
    },
    /** @param {Summary} said */
    progress(said) {
      const open = inFlight.get(said.exchange);
      if (!open) return;
      open.heard = Date.now();
      open.answer = said.text ?? open.answer;
      open.bytes = said.bytes;
      changed({});
    },
    /** @param {Summary} said */
    ended(said) {
      if (inFlight.delete(said.exchange)) changed({ prepended: sortFlying() });
      const entry = compact(said);
      const does = belongs(view, entry);
      if (does) {
        heard = Math.max(heard, entry.number);
        add([entry]);
      } else if (does === undefined) {
        hear(entry.number);
        catchUpLater(0);
      }
      return does === true;
    },
    /** Lets go of those in flight that nothing is heard of any more: no record of their end will come. */
    dropSilent() {
      const before = inFlight.size;
      for (const [id, open] of inFlight) if (Date.now() - open.heard > SILENCE) inFlight.delete(id);
      if (inFlight.size !== before) changed({ prepended: sortFlying() });
    },
    /** Lets go of those that a span like "the last hour" has left behind. */
    dropPassed() {
      const before = entries.length;
      const begins = view.to ? NaN : momentOf(view.from || USUAL_SPAN, recordersNow());
      let count = before;
      while (count && entries[count - 1].ended < begins) count--;
      if (!isLoading) keep(count);
      if (entries.length !== before) changed({});
    },
    /** @param {number} index */
    at: (index) => (index < flying.length ? flying[index] : entries[index - flying.length]),
    /** @param {string} id */
    indexOf(id) {
      const open = flying.findIndex((entry) => entry.exchange === id);
      if (open >= 0) return open;
      const ended = entries.findIndex((entry) => entry.exchange === id);
      return ended < 0 ? -1 : ended + flying.length;
    },
    /** @param {string} id */
    open: (id) => inFlight.get(id),
    get heard() {
      return heard;
    },
    /** All that are in flight, whatever is filtered by. */
    openOnes: () => [...inFlight.values()],
    get count() {
      return flying.length + entries.length;
    },
    get flying() {
      return flying.length;
    },
    /** How many in flight only their end can bring into this view. */
    awaited: () => [...inFlight.values()].filter((entry) => mayBelongLater(view, entry)).length,
    get isLoading() {
      return isLoading;
    },
    get hasMore() {
      return Boolean(next);
    },
    get isFull() {
      return entries.length >= MOST;
    },
    get trouble() {
      return trouble;
    },
  };
}

/** @param {Summary} said */
function flight(said) {
  return { ...said, isOpen: true, started: Date.parse(said.started), heard: Date.now() };
}
