/** What callers may have of Ollama and what they have used: a table below the overview, where calls share it. */

import { ask, isAborted, oneAtATime } from "../state/api.js";
import { whole } from "../text/format.js";
import { element, replace } from "./elements.js";

/**
 * @typedef {object} CallerUse  of /limits.json
 * @property {string} caller
 * @property {{max_active?: number, max_waiting?: number, requests_per_minute?: number, tokens_per_day?: number, priority: string}} limits
 * @property {number} active
 * @property {number} waiting
 * @property {number} [requests_of_last_minute]
 * @property {number} tokens_of_today
 */

const MOST_ROWS = 20;
const COLUMNS = Object.freeze(["sharing Ollama", "there now", "waiting", "last minute", "tokens today"]);

/** @returns {{root: HTMLElement, load: () => Promise<void>}} */
export function makeLimits() {
  const table = element("table", { class: "groups" });
  const root = element("div", { class: "limits", tabindex: "0", role: "region", "aria-label": "Limits of callers", hidden: true }, table);
  const asking = oneAtATime();

  async function load() {
    try {
      /** @type {{callers: CallerUse[]}} */
      const { callers } = await ask("/limits.json", { signal: asking.next() });
      const head = COLUMNS.map((name) => element("th", { scope: "col" }, name));
      const rows = callers.slice(0, MOST_ROWS).map(rowPart);
      replace(table, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
      root.hidden = callers.length === 0;
    } catch (error) {
      if (!isAborted(error)) root.hidden = true;
    }
  }

  return { root, load };
}

/** @param {CallerUse} use */
function rowPart({ caller, limits, active, waiting, requests_of_last_minute, tokens_of_today }) {
  const batch = limits.priority === "batch" ? element("span", { class: "quiet" }, " batch") : null;
  return element(
    "tr", {}, element("th", { scope: "row" }, caller, batch), element("td", {}, used(active, limits.max_active)),
    element("td", {}, used(waiting, limits.max_waiting)), element("td", {}, used(requests_of_last_minute, limits.requests_per_minute)),
    element("td", {}, used(tokens_of_today, limits.tokens_per_day)),
  );
}

/**
 * @param {number | undefined} count
 * @param {number | undefined} most  undefined: as many as it likes
 */
function used(count, most) {
  return most === undefined ? whole(count) : `${whole(count)} of ${whole(most)}`;
}
