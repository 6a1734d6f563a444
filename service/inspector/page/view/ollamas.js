/** Each of several Ollamas: whether it is up and since when, what it has loaded, who is there and who waits. */

import { ask, isAborted, oneAtATime } from "../state/api.js";
import { moment, whole } from "../text/format.js";
import { button, element, replace } from "./elements.js";

/**
 * @typedef {object} Ollama  of /status.json
 * @property {string} name
 * @property {string | null} trouble  why it gets no calls; null where it does
 * @property {string} [since]  when it became so, as far as the recorder saw
 * @property {number} active
 * @property {number} [places]  absent: any number
 * @property {number} waiting  calls that may go there
 * @property {string[]} loaded
 */

const MOST_ROWS = 20;
const COLUMNS = Object.freeze(["Ollama", "there now", "may go there", "in memory"]);

/** @returns {{root: HTMLElement, load: () => Promise<void>}} */
export function makeOllamas() {
  const table = element("table", { class: "groups" });
  const rest = element("div", { class: "below-table" });
  const root = element("div", { class: "limits", tabindex: "0", role: "region", "aria-label": "Ollamas", hidden: true }, table, rest);
  const asking = oneAtATime();
  let isWhole = false;

  /** @param {Ollama[]} upstreams */
  function draw(upstreams) {
    const { shown, hidden } = isWhole ? { shown: upstreams, hidden: [] } : shortened(upstreams);
    const head = COLUMNS.map((name) => element("th", { scope: "col" }, name));
    replace(table, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...shown.map(rowPart)));
    replace(rest, ...(hidden.length ? [button(restText(hidden), () => {
      isWhole = true;
      draw(upstreams);
      root.focus();
    })] : []));
    root.hidden = upstreams.length === 0;
  }

  async function load() {
    try {
      /** @type {{upstreams?: Ollama[]}} */
      const { upstreams = [] } = await ask("/status.json", { signal: asking.next() });
      draw(upstreams);
    } catch (error) {
      if (!isAborted(error)) root.hidden = true;
    }
  }

  return { root, load };
}

/**
 * Of many, those that somebody looks for: gone, waited for, at work.
 *
 * @param {Ollama[]} upstreams
 */
function shortened(upstreams) {
  if (upstreams.length <= MOST_ROWS) return { shown: upstreams, hidden: [] };
  const byNeed = [...upstreams].sort((one, other) => (
    Number(Boolean(other.trouble)) - Number(Boolean(one.trouble)) || other.waiting - one.waiting || other.active - one.active
  ));
  return { shown: byNeed.slice(0, MOST_ROWS), hidden: byNeed.slice(MOST_ROWS) };
}

/** @param {Ollama[]} hidden */
function restText(hidden) {
  const gone = hidden.filter((one) => one.trouble).length;
  return `Show ${whole(hidden.length)} more: ${whole(hidden.length - gone)} up${gone ? `, ${whole(gone)} gone` : ""}`;
}

/** @param {Ollama} one */
function rowPart({ name, trouble, since, active, places, waiting, loaded }) {
  const time = since ? ` since ${moment(Date.parse(since), Date.now())}` : "";
  const state = trouble
    ? element("span", { class: "bad", title: trouble }, ` gone${time}`)
    : element("span", { class: "quiet" }, ` up${time}`);
  return element(
    "tr", {}, element("th", { scope: "row" }, name, state),
    element("td", {}, places === undefined ? whole(active) : `${whole(active)} of ${whole(places)}`),
    element("td", {}, whole(waiting)), element("td", {}, loaded.length ? loaded.join(", ") : "–"),
  );
}
