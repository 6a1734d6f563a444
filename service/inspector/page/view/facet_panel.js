/** The panel in which the values of one filter are chosen: which models, which workflows … */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { byId, element, replace } from "./elements.js";
import { short, whole } from "../text/format.js";
import { FACET_LABELS } from "../state/tables.js";

const MANY = 10;
/** The recorder gives no more of them. */
const MOST = 500;
/** The recorder counts names, not statuses: these are the ones that occur. */
const STATUSES = Object.freeze(["200", "400", "403", "404", "429", "499", "500", "502", "503", "504"]);
const GAP = 6;

/**
 * @param {{view: () => import("../state/address.js").View, go: (changes: any, how?: {replace?: boolean}) => void}} address
 */
export function makeFacetPanel(address) {
  const panel = byId("facet-panel");
  const asking = oneAtATime();
  /** @type {HTMLElement} */
  let opener;
  let facet = "";

  /** Below its button, and never out of sight. */
  function place() {
    const at = opener.getBoundingClientRect();
    panel.style.left = `${Math.max(GAP, Math.min(at.left, window.innerWidth - panel.offsetWidth - GAP))}px`;
    panel.style.top = `${at.bottom + GAP}px`;
    panel.style.maxHeight = `${Math.max(160, window.innerHeight - at.bottom - 3 * GAP)}px`;
  }

  function showNames() {
    panel.setAttribute("aria-label", "More filters");
    const names = Object.entries(FACET_LABELS).filter(([name]) => name !== "exchange");
    replace(panel, element("h2", {}, "Filter by"), ...names.map(([name, words]) => element("button", {
      type: "button", class: "item", onclick: () => void showValues(name),
    }, words)));
    /** @type {HTMLElement | null} */ (panel.querySelector("button"))?.focus();
  }

  /** @param {string} name */
  async function showValues(name) {
    facet = name;
    panel.setAttribute("aria-label", `Filter by ${FACET_LABELS[name]}`);
    if (name === "status") return fill(STATUSES.map((status) => [status, 0]));
    replace(panel, element("h2", {}, FACET_LABELS[name]), element("p", { class: "quiet" }, "Loading …"));
    panel.focus();
    const view = address.view();
    try {
      const asked = filterOf({ ...view, [name]: [] }, { field: name, limit: MOST });
      const said = await ask(`/values.json?${asked}`, { signal: asking.next() });
      if (facet === name) fill(said.values);
    } catch (error) {
      if (!isAborted(error)) replace(panel, element("h2", {}, FACET_LABELS[name]), element("p", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }

  /** @param {[string, number][]} values */
  function fill(values) {
    const chosen = () => /** @type {string[]} */ (/** @type {any} */ (address.view())[facet]);
    const absent = chosen().filter((value) => !values.some(([name]) => name === value));
    const options = /** @type {[string, number][]} */ ([...absent.map((value) => [value, 0]), ...values]).map(([value, count]) => option(value, count, chosen));
    const list = element("div", { class: "options", role: "group", "aria-label": FACET_LABELS[facet] }, ...options.map(({ label }) => label));
    const none = element("p", { class: "quiet", hidden: options.length > 0 }, `No ${FACET_LABELS[facet]} is known in this time.`);
    // Where not all of them are here, what is typed may exist all the same.
    const typed = values.length < MOST ? null : element("div", { class: "options" });
    const narrow = /** @type {HTMLInputElement} */ (element("input", { type: "search", class: "narrow", placeholder: "Narrow down", "aria-label": `Narrow down the values of ${FACET_LABELS[facet]}` }));
    narrow.addEventListener("input", () => {
      const wanted = narrow.value.trim().toLowerCase();
      let hits = 0;
      for (const { label, value } of options) {
        label.hidden = !value.toLowerCase().includes(wanted);
        hits += label.hidden ? 0 : 1;
      }
      const said = narrow.value.trim();
      const isOffered = typed !== null && said !== "" && !options.some(({ value }) => value === said);
      if (typed) replace(typed, isOffered && option(said, 0, chosen).label);
      none.hidden = hits > 0 || isOffered;
      none.textContent = `Nothing here is called like that.`;
    });
    const clear = element("button", { type: "button", class: "plain", onclick: () => {
      address.go({ [facet]: [] });
      panel.hidePopover();
    } }, "Any");
    replace(panel, element("div", { class: "head" }, element("h2", {}, FACET_LABELS[facet]), chosen().length ? clear : null), options.length > MANY ? narrow : null, typed, list, none);
    place();
    const first = options.length > MANY ? narrow : /** @type {HTMLElement | null} */ (panel.querySelector("input"));
    (first ?? panel).focus();
  }

  /**
   * @param {string} value
   * @param {number} count
   * @param {() => string[]} chosen
   */
  function option(value, count, chosen) {
    const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox" }));
    box.checked = chosen().includes(value);
    const name = facet;
    box.addEventListener("change", () => {
      const others = chosen().filter((other) => other !== value);
      address.go({ [name]: box.checked ? [...others, value] : others }, { replace: others.length > 0 });
    });
    const label = element("label", {}, box, element("span", { class: "value" }, value), element("span", { class: "count", title: whole(count) }, count ? short(count) : ""));
    return { label, value };
  }

  panel.addEventListener("toggle", (/** @type {any} */ event) => {
    if (event.newState === "open") return;
    asking.stop();
    facet = "";
    // The button may have been drawn anew meanwhile.
    if (panel.contains(document.activeElement) || document.activeElement === document.body) {
      /** @type {HTMLElement | null} */ (document.querySelector(`#facets [data-key="${opener.dataset.key}"]`))?.focus();
    }
  });
  window.addEventListener("resize", () => panel.hidePopover());

  return {
    /**
     * @param {string} name  of a facet, or "more"
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
