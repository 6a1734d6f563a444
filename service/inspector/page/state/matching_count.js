/** How many exchanges a view matches, and the filter that will match the same later: /erasing.json. */

import { ask } from "./api.js";

/**
 * @param {string} query  a filter
 * @param {AbortSignal} signal
 * @returns {Promise<{count: number | undefined, query: string, isInLoki: boolean}>} `query`: the filter in absolute times, so that
 *   what was counted is what it goes on to match; `isInLoki`: Loki would be asked to delete them too
 */
export async function countMatching(query, signal) {
  // Nobody counts those of all recorders beforehand.
  if (new URLSearchParams(query).has("store")) return { count: undefined, query, isInLoki: true };
  /** @type {{count: number, filter: [string, string][], loki: boolean}} */
  const { count, filter, loki } = await ask(`/erasing.json?${query}`, { signal });
  return { count: Number(count), query: new URLSearchParams(filter).toString(), isInLoki: loki };
}
