/** The numbers beside the timeline: exact, over all that the view matches. */

import { duration, short, whole } from "../text/format.js";
import { byId, element, replace } from "./elements.js";

/**
 * @typedef {import("../state/tables.js").TruthFilter} TruthFilter
 * @typedef {import("../state/address.js").View} View
 * @typedef {import("../state/timeline_data.js").TimelineAnswer} TimelineAnswer
 */

/** @param {{toggle: (filter: TruthFilter) => void}} dependencies  what a press on a number filters by */
export function makeTotals({ toggle }) {
  const list = byId("totals");

  /**
   * @param {string} name
   * @param {number} value
   * @param {string} tone
   * @param {TruthFilter} filter
   * @param {View} view
   */
  function filteringPart(name, value, tone, filter, view) {
    const isOffered = value > 0 || view[filter] !== "";
    const shown = isOffered ? element("button", {
      type: "button", "aria-pressed": String(view[filter] === "true"), "aria-label": `${short(value)} ${name}: show only these`,
      onclick: () => toggle(filter),
    }, short(value)) : short(value);
    return totalPart(name, shown, whole(value), value ? tone : "");
  }

  return {
    /**
     * @param {TimelineAnswer} totals
     * @param {View} view
     */
    show(totals, view) {
      list.classList.remove("stale");
      replace(
        list,
        totalPart("exchanges", short(totals.count), whole(totals.count)),
        totalPart("median", duration(totals.p50)),
        totalPart("mean", duration(totals.mean)),
        totalPart("p95", duration(totals.p95), "95 of 100 took no longer"),
        filteringPart("failed", totals.failed, "bad", "failed", view),
        filteringPart("prompts cut", totals.truncated, "warn", "truncated", view),
        totalPart("tokens in", short(totals.tokens_in), whole(totals.tokens_in)),
        totalPart("tokens out", short(totals.tokens_out), whole(totals.tokens_out)),
      );
    },
    stale() {
      list.classList.add("stale");
    },
  };
}

/**
 * @param {string} name
 * @param {string | Node} value
 * @param {string} [full]  what is shown for a longer look
 * @param {string} [tone]  "bad", "warn" or ""
 */
function totalPart(name, value, full, tone) {
  return element("div", { title: full }, element("dt", {}, name), element("dd", { class: tone }, value));
}
