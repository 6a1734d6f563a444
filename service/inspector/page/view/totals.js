/** The numbers beside the timeline: exact, over all that the view matches. */

import { byId, element, replace } from "./elements.js";
import { duration, short, whole } from "../text/format.js";

/**
 * @param {{toggle: (filter: "failed" | "truncated") => void}} dependencies  what a press on a number filters by
 */
export function makeFacts({ toggle }) {
  const list = byId("totals");

  /**
   * @param {string} name
   * @param {string} value
   * @param {{full?: string, tone?: string, filter?: "failed" | "truncated", isOn?: boolean}} [more]
   */
  function fact(name, value, { full, tone, filter, isOn } = {}) {
    const shown = filter
      ? element("button", { type: "button", "aria-pressed": String(Boolean(isOn)), "aria-label": `${value} ${name}: show only these`, onclick: () => toggle(filter) }, value)
      : value;
    return element("div", { title: full }, element("dt", {}, name), element("dd", { class: tone }, shown));
  }

  return {
    /**
     * @param {import("./timeline.js").Answer} said
     * @param {import("../state/address.js").View} view
     */
    show(said, view) {
      list.classList.remove("stale");
      replace(
        list,
        fact("exchanges", short(said.count), { full: whole(said.count) }),
        fact("median", duration(said.p50)),
        fact("mean", duration(said.mean)),
        fact("p95", duration(said.p95), { full: "95 of 100 took no longer" }),
        fact("failed", short(said.failed), { full: whole(said.failed), tone: said.failed ? "bad" : "", filter: said.failed || view.failed ? "failed" : undefined, isOn: view.failed === "true" }),
        fact("prompts cut", short(said.truncated), { full: whole(said.truncated), tone: said.truncated ? "warn" : "", filter: said.truncated || view.truncated ? "truncated" : undefined, isOn: view.truncated === "true" }),
        fact("tokens in", short(said.tokens_in), { full: whole(said.tokens_in) }),
        fact("tokens out", short(said.tokens_out), { full: whole(said.tokens_out) }),
      );
    },
    stale() {
      list.classList.add("stale");
    },
  };
}
