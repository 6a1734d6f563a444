/** The bar of filters: time, who, which model, and what went wrong. All of it only changes the address. */

import { isFiltered, USUAL_SPAN, withoutFilters } from "../state/address.js";
import { byId, element, replace, say } from "./elements.js";
import { makeFacetPanel } from "./facet_panel.js";
import { FACET_LABELS, FACETS } from "../state/tables.js";
import { describeSlower, describeTime, SPANS } from "../text/view_description.js";

/** @typedef {import("../state/address.js").View} View */

const SLOWER = Object.freeze(["1", "5", "10", "30", "60", "120"]);
/** The filters that always have a button; others have one while they are used. */
const ALWAYS = Object.freeze(["model", "workflow", "caller"]);

/**
 * @param {{view: () => View, go: (changes: Partial<View>, how?: {replace?: boolean}) => void}} address
 */
export function makeFilters(address) {
  const search = byId("search");
  const times = byId("times");
  const facets = byId("facets");
  const slower = byId("slower");
  const clear = byId("clear");
  const switches = /** @type {[HTMLElement, "failed" | "truncated"][]} */ ([[byId("failed"), "failed"], [byId("truncated"), "truncated"]]);
  const panel = makeFacetPanel(address);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  let isOwn = false;
  /** What the address last said to search for; the box may hold what is still being typed. */
  let committed = "";

  function searched() {
    clearTimeout(typing);
    const q = search.value.trim();
    isOwn = true;
    // One step back undoes the whole search, not its last letter.
    address.go({ q }, { replace: address.view().q !== "" });
    isOwn = false;
  }

  search.addEventListener("input", () => {
    clearTimeout(typing);
    // A phrase that is still being typed is no mistake yet.
    if (search.value.split('"').length % 2) typing = setTimeout(searched, 250);
  });
  byId("search-form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    searched();
  });
  for (const [button, name] of switches) {
    button.addEventListener("click", () => address.go({ [name]: address.view()[name] === "true" ? "" : "true" }));
  }
  replace(slower, element("option", { value: "" }, "any duration"), ...SLOWER.map((seconds) => element("option", { value: seconds }, `slower than ${seconds} s`)));
  slower.addEventListener("change", () => address.go({ slower: slower.value }));
  clear.addEventListener("click", () => {
    clearTimeout(typing);
    search.value = "";
    address.go(withoutFilters(address.view()));
    search.focus();
  });

  /** @param {View} view */
  function showTimes(view) {
    const now = view.from || (view.to ? "all" : USUAL_SPAN);
    const buttons = SPANS.map(([from, label, words]) => {
      const isOn = !view.to && now === from;
      return element("button", { type: "button", "aria-pressed": String(isOn), title: words, "data-key": from, onclick: () => address.go({ from: from === USUAL_SPAN ? "" : from, to: "" }) }, label);
    });
    if (!SPANS.some(([from]) => !view.to && from === now)) {
      buttons.push(element("button", { type: "button", class: "own", "aria-pressed": "true", "data-key": "own", title: "Back to the last 24 hours", onclick: () => address.go({ from: "", to: "" }) }, describeTime(view), element("span", { "aria-hidden": "true" }, " ×")));
    }
    refill(times, buttons);
  }

  /** @param {View} view */
  function showFacets(view) {
    const used = FACETS.filter((facet) => !ALWAYS.includes(facet) && /** @type {any} */ (view)[facet].length);
    const buttons = [...ALWAYS, ...used].map((facet) => {
      const values = /** @type {string[]} */ (/** @type {any} */ (view)[facet]);
      const said = values.length ? (facet === "exchange" ? values[0].slice(0, 8) : values[0]) : `any ${FACET_LABELS[facet]}`;
      return facetButton(facet, values.length > 0, said, {
        before: values.length && !ALWAYS.includes(facet) ? `${FACET_LABELS[facet]} ` : "", after: values.length > 1 ? ` +${values.length - 1}` : "",
      });
    });
    buttons.push(facetButton("more", false, "more"));
    refill(facets, buttons);
  }

  /**
   * @param {string} facet
   * @param {boolean} isOn
   * @param {string} said  shortened where it is long
   * @param {{before?: string, after?: string}} [around]  always whole
   */
  function facetButton(facet, isOn, said, { before = "", after = "" } = {}) {
    const button = element("button", {
      type: "button", class: isOn ? "chip on" : "chip", "data-key": facet, "aria-haspopup": "dialog",
      "aria-label": facet === "more" ? "More filters" : `Filter by ${FACET_LABELS[facet]}: ${said}${after}`,
    }, before, element("span", { class: "name" }, said), after, element("span", { class: "down", "aria-hidden": "true" }));
    button.addEventListener("click", () => panel.open(facet, button));
    return button;
  }

  return {
    /** @param {View} view */
    show(view) {
      // What is being typed is not rewritten: a blank at its end, or all of it while something else changes.
      if (!isOwn && view.q !== committed) search.value = view.q;
      committed = view.q;
      showTimes(view);
      showFacets(view);
      for (const [button, name] of switches) button.setAttribute("aria-pressed", String(view[name] === "true"));
      if (view.slower && !SLOWER.includes(view.slower) && ![...slower.options].some((option) => option.value === view.slower)) {
        slower.append(element("option", { value: view.slower }, describeSlower(view.slower)));
      }
      slower.value = view.slower;
      slower.classList.toggle("on", view.slower !== "");
      clear.hidden = !isFiltered(view);
      say(byId("times-words"), `Time: ${describeTime(view)}`);
    },
    focusSearch() {
      search.focus();
      search.select();
    },
  };
}

/**
 * New buttons in place of the old, with the focus where it was.
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} buttons
 */
function refill(parent, buttons) {
  const focused = parent.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : undefined;
  replace(parent, ...buttons);
  if (focused) buttons.find((button) => button.dataset.key === focused)?.focus();
}
