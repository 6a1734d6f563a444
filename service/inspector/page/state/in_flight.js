/** The exchanges that are in flight: all of them, and those that a view shows. */

import { matchesInFlight, mayMatchLater } from "./matching.js";
import { inFlight } from "./summary.js";

/**
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {Parameters<typeof inFlight>[0]} Begun  an exchange as `hello` and `begun` tell of it
 * @typedef {{exchange: string, bytes: number, text?: string, place?: number, reason?: string}} Progress
 *   `text`: the last of its answer; `place`, `reason`: where it waits in the recorder for Ollama, and why
 */

/** The recorder tells each second how far those in flight are. */
const SILENCE = 15_000;

/**
 * @param {import("./address.js").View} view
 * @param {(appeared: number) => void} changed  called with how many more are shown than before
 */
export function makeInFlight(view, changed) {
  /** @type {Map<string, ListedExchange>} */
  const all = new Map();
  /** @type {ListedExchange[]} */
  let shown = [];

  function sort() {
    const before = shown.length;
    shown = [...all.values()].filter((exchange) => matchesInFlight(view, exchange)).sort((one, other) => other.started - one.started);
    changed(shown.length - before);
  }

  return {
    /** The newest first. */
    shown: () => shown,
    all: () => [...all.values()],
    /** @param {string} id */
    get: (id) => all.get(id),
    /** How many only their end can bring into this view. */
    awaited: () => [...all.values()].filter((exchange) => mayMatchLater(view, exchange)).length,
    /** @param {(Begun | ListedExchange)[]} open  all that are in flight now */
    reset(open) {
      all.clear();
      for (const one of open) all.set(one.exchange, "isOpen" in one ? one : inFlight(/** @type {Begun} */ (one)));
      sort();
    },
    /** @param {Begun} begun */
    begin(begun) {
      all.set(begun.exchange, inFlight(begun));
      sort();
    },
    /**
     * @param {Progress} progress
     * @returns {boolean} whether it is known here
     */
    advance(progress) {
      const open = all.get(progress.exchange);
      if (!open) return false;
      open.heard = Date.now();
      open.queued = progress.place === undefined ? "" : `waits in the recorder at place ${progress.place}: ${progress.reason}`;
      open.answer = progress.text ?? open.answer;
      open.bytes = progress.bytes;
      return true;
    },
    /** @param {string} id */
    end(id) {
      if (all.delete(id)) sort();
    },
    /** Lets go of those that nothing is heard of any more: no record of their end will come. */
    dropSilent() {
      const before = all.size;
      for (const [id, { heard = 0 }] of all) if (Date.now() - heard > SILENCE) all.delete(id);
      if (all.size !== before) sort();
    },
  };
}
