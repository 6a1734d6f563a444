/** How many exchanges a view matches, and the filter that will match the same later: /erasing.json. */

import { ask } from "./api.js";

/**
 * @param {string} query  a filter
 * @param {AbortSignal} signal
 * @returns {Promise<{count: number, query: string, isInLoki: boolean, troubles: string[]}>} `query`: the filter in absolute times, so that
 *   what was counted is what it goes on to match; `isInLoki`: Loki would be asked to delete them too; `troubles`: why
 *   other recorders cannot be asked now, a sentence each
 */
export async function countMatching(query, signal) {
  /** @type {{count: number, filter: [string, string][], loki: boolean, recorders?: {trouble?: string}[]}} */
  const { count, filter, loki, recorders = [] } = await ask(`/erasing.json?${query}`, { signal });
  const [store, absolute] = [new URLSearchParams(query).get("store"), new URLSearchParams(filter)];
  if (store) absolute.set("store", store);
  const troubles = recorders.map(({ trouble = "" }) => trouble).filter(Boolean);
  return { count: Number(count), query: absolute.toString(), isInLoki: loki, troubles };
}
