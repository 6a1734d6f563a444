/** The panel in which the values of one filter are chosen: which models, which workflows … */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { FACET_LABELS, OFFERED_FACETS, STATUSES } from "../state/tables.js";
import { byId, element, replace, within } from "./elements.js";
import { makeFacetOptions, MOST_VALUES } from "./facet_options.js";

/**
 * @typedef {import("../state/address.js").View} View
 * @typedef {import("../state/tables.js").Facet} Facet
 * @typedef {{view: () => View, go: (changes: Partial<View>, how?: {replace?: boolean}) => void}} CurrentView
 */

const GAP = 6;
const LEAST_HEIGHT = 160;

/** @param {CurrentView} current */
export function makeFacetPanel(current) {
  const panel = byId("facet-panel");
  const asking = oneAtATime();
  /** @type {HTMLElement} */
  let opener;
  /** Whose values are shown, or asked for. @type {Facet | ""} */
  let facet = "";

  /** Below its button, and never out of sight. */
  function place() {
    const at = opener.getBoundingClientRect();
    panel.style.left = `${Math.max(GAP, Math.min(at.left, window.innerWidth - panel.offsetWidth - GAP))}px`;
    panel.style.top = `${at.bottom + GAP}px`;
    panel.style.maxHeight = `${Math.max(LEAST_HEIGHT, window.innerHeight - at.bottom - 3 * GAP)}px`;
  }

  function showNames() {
    panel.setAttribute("aria-label", "More filters");
    replace(panel, element("h2", {}, "Filter by"), ...OFFERED_FACETS.map((name) => element("button", {
      type: "button", class: "item", onclick: () => void showValues(name),
    }, FACET_LABELS[name])));
    within(panel, "button")?.focus();
  }

  /** @param {Facet} name */
  async function showValues(name) {
    facet = name;
    const label = FACET_LABELS[name];
    panel.setAttribute("aria-label", `Filter by ${label}`);
    if (name === "status") return fill(name, STATUSES.map((status) => [status, 0]));
    replace(panel, element("h2", {}, label), element("p", { class: "quiet" }, "Loading …"));
    panel.focus();
    try {
      const query = filterOf({ ...current.view(), [name]: [] }, { field: name, limit: MOST_VALUES });
      /** @type {{values: [string, number][]}} */
      const { values } = await ask(`/values.json?${query}`, { signal: asking.next() });
      if (facet === name) fill(name, values);
    } catch (error) {
      if (isAborted(error)) return;
      replace(panel, element("h2", {}, label), element("p", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }

  /**
   * @param {Facet} name
   * @param {[string, number][]} values
   */
  function fill(name, values) {
    const options = makeFacetOptions(name, values, current);
    const clear = element("button", { type: "button", class: "plain", onclick: () => {
      current.go({ [name]: [] });
      panel.hidePopover();
    } }, "Any");
    const head = element("div", { class: "head" }, element("h2", {}, FACET_LABELS[name]), current.view()[name].length ? clear : null);
    replace(panel, head, ...options.parts);
    place();
    (options.first ?? panel).focus();
  }

  /** @param {ToggleEvent} event */
  function toggled(event) {
    if (event.newState === "open") return;
    asking.stop();
    facet = "";
    // The button may have been drawn anew meanwhile.
    if (panel.contains(document.activeElement) || document.activeElement === document.body) {
      within(document, `#facets [data-key="${opener.dataset.key}"]`)?.focus();
    }
  }

  panel.addEventListener("toggle", (event) => toggled(/** @type {ToggleEvent} */ (event)));
  window.addEventListener("resize", () => panel.hidePopover());

  return {
    /**
     * @param {Facet | "more"} name
     * @param {HTMLElement} button
     */
    open(name, button) {
      opener = button;
      panel.showPopover();
      place();
      if (name === "more") showNames();
      else void showValues(name);
    },
  };
}
