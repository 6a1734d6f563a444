/** The numbers beside the timeline: exact, over all that the view matches. */

import { counted, duration, moment, short, warningText, whole } from "../text/format.js";
import { byId, element, replace, setText } from "./elements.js";

/**
 * @typedef {import("../state/tables.js").TruthFilter} TruthFilter
 * @typedef {import("../state/address.js").View} View
 * @typedef {import("../state/timeline_data.js").TimelineAnswer} TimelineAnswer
 */

/** @param {{toggle: (filter: TruthFilter) => void}} dependencies  what a press on a number filters by */
export function makeTotals({ toggle }) {
  const list = byId("totals");
  const apart = byId("apart");

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
        totals.model_calls ? totalPart("model calls", short(totals.model_calls), whole(totals.model_calls))
          : totalPart("exchanges", short(totals.count), whole(totals.count)),
        totalPart("median", duration(totals.p50)),
        totalPart("mean", duration(totals.mean)),
        totalPart("p95", duration(totals.p95), "95 of 100 took no longer"),
        filteringPart("failed", totals.model_calls ? totals.failed_calls : totals.failed, "bad", "failed", view),
        filteringPart("prompts cut", totals.truncated, "warn", "truncated", view),
        totalPart("tokens in", short(totals.tokens_in), whole(totals.tokens_in)),
        totalPart("tokens out", short(totals.tokens_out), whole(totals.tokens_out)),
      );
      setText(apart, [totals.model_calls ? apartText(totals.apart) : "", partText(totals)].filter(Boolean).join(". "));
    },
    stale() {
      list.classList.add("stale");
    },
  };
}

/**
 * What is no model call: "and 1,203 embeddings, 3 refused, 80 lists and the like"
 * @param {TimelineAnswer["apart"]} apart
 */
function apartText({ embeddings, refused, others }) {
  const parts = [
    embeddings ? counted(embeddings, "embedding") : "", refused ? `${whole(refused)} refused` : "",
    others ? `${counted(others, "list")} ${others === 1 ? "or" : "and"} the like` : "",
  ].filter(Boolean);
  return parts.length ? `and ${parts.join(", ")}` : "";
}

/**
 * Of all recorders, when they have too many.
 * @param {TimelineAnswer} totals
 */
function partText({ complete, scanned }) {
  if (complete !== false || !scanned) return "";
  // How far it goes means little where Loki left out what lies before.
  if (scanned.warnings) return warningText(scanned);
  return `Only what ended since ${moment(Date.parse(scanned.from), Date.now())} is added up: there is too much for one answer`;
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
