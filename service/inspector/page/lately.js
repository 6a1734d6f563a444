/**
 * The exchanges of a view, newest first: those in flight, those that ended, and older ones page by page as one scrolls.
 * Knows nothing of elements; whoever draws is told that something changed.
 */

import { filterOf } from "./address.js";
import { ask, isAborted, oneAtATime } from "./api.js";
import { belongs, compact } from "./entry.js";

/** @typedef {import("./entry.js").Summary} Summary */
/** @typedef {import("./address.js").View} View */

/** The first page is small, as somebody waits for it; the others are as large as the recorder gives. */
const FIRST_PAGE = 100;
const PAGE = 500;
/** Elements cannot be higher than browsers count; nobody scrolls further than this, but filters go there. */
const MOST = 200_000;
const MISSED_AT_ONCE = 500;
/** The index that full-text searches ask follows the journal after some milliseconds. */
const INDEX_DELAY = 400;
/** Each second the recorder says how far those in flight are. */
const SILENCE = 15_000;

/**
 * @param {View} view
 * @param {(what: {prepended?: number, reset?: boolean, isOutdated?: boolean, isUncounted?: boolean}) => void} changed
 */
export function makeLately(view, changed) {
  const asking = oneAtATime();
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
  let newest = 0;
  /** The newest number that should be here: it may have ended while its page was under way. */
  let heard = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;

  /** @param {() => void} [answered]  called when the first page is here */
  async function reload(answered) {
    next = `/exchanges.json?${filterOf(view, { limit: FIRST_PAGE })}`;
    entries = [];
    clearTimeout(later);
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
        next = page.next && entries.length < MOST ? withLimit(page.next, PAGE) : undefined;
        changed({});
      }
      isLoading = false;
      if (heard > newest) void catchUp();
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
    if (prepended) changed({ ...what, prepended });
  }

  async function catchUp() {
    clearTimeout(later);
    if (isLoading || trouble) return;
    const after = newest;
    heard = 0;
    try {
      const page = await ask(`/exchanges.json?${filterOf(view, { after, limit: MISSED_AT_ONCE })}`);
      if (page.next && after) changed({ isOutdated: true });
      else add(page.exchanges.map(compact), { isUncounted: true });
    } catch (error) {
      // What was missed comes with the next one that ends, or with the next connection.
      console.info(/** @type {Error} */ (error).message);
    }
  }

  function sortFlying() {
    const before = flying.length;
    flying = [...inFlight.values()].filter((entry) => mayBelong(view, entry)).sort((one, other) => other.started - one.started);
    return flying.length - before;
  }

  return {
    reload,
    catchUp,
    stop() {
      asking.stop();
      clearTimeout(later);
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
      if ((said.number ?? 0) > newest) void catchUp();
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
      const prepended = inFlight.delete(said.exchange) ? sortFlying() : 0;
      if (prepended) changed({ prepended });
      const entry = compact(said);
      const does = belongs(view, entry);
      if (does) heard = Math.max(heard, entry.number);
      if (does) add([entry]);
      else if (does === undefined) {
        clearTimeout(later);
        later = setTimeout(catchUp, INDEX_DELAY);
      }
      return does === true;
    },
    /** Lets go of those in flight that nothing is heard of any more: no record of their end will come. */
    dropSilent() {
      const before = inFlight.size;
      for (const [id, open] of inFlight) if (Date.now() - open.heard > SILENCE) inFlight.delete(id);
      if (inFlight.size !== before) changed({ prepended: sortFlying() });
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
    /** All that are in flight, whatever is filtered by. */
    openOnes: () => [...inFlight.values()],
    get count() {
      return flying.length + entries.length;
    },
    get flying() {
      return flying.length;
    },
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

/**
 * @param {string} path  of the recorder, with a query
 * @param {number} limit
 */
function withLimit(path, limit) {
  const url = new URL(path, "http://recorder");
  url.searchParams.set("limit", String(limit));
  return url.pathname + url.search;
}

/** @param {Summary} said */
function flight(said) {
  return { ...said, isOpen: true, started: Date.parse(said.started), heard: Date.now() };
}

/**
 * Nothing is known yet of how one in flight will end, so filters by that leave it out.
 * @param {View} view
 * @param {Summary} entry
 */
function mayBelong(view, entry) {
  if (view.q || view.failed || view.truncated || view.slower || view.outcome.length || view.status.length) return false;
  return belongs(view, entry) === true;
}
