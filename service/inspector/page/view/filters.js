/** The bar of filters: time, who, which model, and what went wrong. All of it only changes the address. */

import { isFiltered, USUAL_SPAN, withoutFilters } from "../state/address.js";
import { FACET_LABELS, FACETS, PROMINENT_FACETS, TRUTH_FILTERS } from "../state/tables.js";
import { describeSlower, describeTime, SPANS, valueText } from "../text/view_description.js";
import { byId, element, replace, setText, typedById } from "./elements.js";
import { makeFacetPanel } from "./facet_panel.js";
import { makeSearchField } from "./search_field.js";
import { makeTimePanel } from "./time_panel.js";

/**
 * @typedef {import("../state/address.js").View} View
 * @typedef {import("../state/tables.js").Facet} Facet
 * @typedef {import("./facet_panel.js").CurrentView} CurrentView
 */

/** What the filter by cut prompts has for "nobody knows". */
const UNKNOWN = "unknown";
const SLOWER = Object.freeze(["1", "5", "10", "30", "60", "120"]);
/** So many characters of an id tell one exchange from the others in sight. */
const SHORT_ID = 8;

/** @param {CurrentView} current */
export function makeFilters(current) {
  const search = makeSearchField(current);
  const slower = makeSlower(current);
  const clear = byId("clear");
  const perhapsCut = byId("perhaps-cut");
  const panel = makeFacetPanel(current);
  const times = makeTimePanel(current);

  for (const name of TRUTH_FILTERS) {
    byId(name).addEventListener("click", () => current.go({ [name]: current.view()[name] === "true" ? "" : "true" }));
  }
  perhapsCut.addEventListener("click", () => current.go({ truncated: current.view().truncated === UNKNOWN ? "" : UNKNOWN }));
  clear.addEventListener("click", () => {
    search.clear();
    current.go(withoutFilters(current.view()));
    search.focus();
  });

  return {
    /** @param {View} view */
    show(view) {
      search.show(view);
      refill(byId("times"), timeButtons(view, current, times));
      refill(byId("facets"), facetButtons(view, panel));
      for (const name of TRUTH_FILTERS) byId(name).setAttribute("aria-pressed", String(view[name] === "true"));
      perhapsCut.setAttribute("aria-pressed", String(view.truncated === UNKNOWN));
      slower.show(view);
      clear.hidden = !isFiltered(view);
      setText(byId("times-words"), `Time: ${describeTime(view)}`);
    },
    focusSearch: search.select,
  };
}

/** @param {CurrentView} current */
function makeSlower(current) {
  const choice = typedById("slower", HTMLSelectElement);
  replace(
    choice, element("option", { value: "" }, "any duration"),
    ...SLOWER.map((seconds) => element("option", { value: seconds }, `slower than ${seconds} s`)),
  );
  choice.addEventListener("change", () => current.go({ slower: choice.value }));
  return {
    /** @param {View} view */
    show({ slower }) {
      if (slower && ![...choice.options].some((option) => option.value === slower)) {
        choice.append(element("option", { value: slower }, describeSlower(slower)));
      }
      choice.value = slower;
      choice.classList.toggle("on", slower !== "");
    },
  };
}

/**
 * @param {View} view
 * @param {CurrentView} current
 * @param {ReturnType<typeof makeTimePanel>} times
 */
function timeButtons(view, current, times) {
  const now = view.from || (view.to ? "all" : USUAL_SPAN);
  const buttons = SPANS.map(([from, label, words]) => element("button", {
    type: "button", "aria-pressed": String(!view.to && now === from), title: words, "data-key": from,
    onclick: () => current.go({ from: from === USUAL_SPAN ? "" : from, to: "" }),
  }, label));
  if (!SPANS.some(([from]) => !view.to && from === now)) {
    buttons.push(element("button", {
      type: "button", class: "own", "aria-pressed": "true", "data-key": "own", title: "Back to the last 24 hours",
      onclick: () => current.go({ from: "", to: "" }),
    }, describeTime(view), element("span", { "aria-hidden": "true" }, " ×")));
  }
  const other = element("button", {
    type: "button", "data-key": "other", "aria-haspopup": "dialog", title: "Last night, yesterday, this week, or any time", onclick: () => times.open(other),
  }, "other …");
  return [...buttons, other];
}

/** @typedef {ReturnType<typeof makeFacetPanel>} FacetPanel */

/**
 * @param {View} view
 * @param {FacetPanel} panel
 */
function facetButtons(view, panel) {
  const used = FACETS.filter((facet) => !PROMINENT_FACETS.includes(facet) && view[facet].length);
  const buttons = [...PROMINENT_FACETS, ...used].map((facet) => {
    const values = view[facet];
    return facetButton(facet, panel, valueOf(facet, values), {
      isOn: values.length > 0, after: values.length > 1 ? ` +${values.length - 1}` : "",
      before: values[0] && !PROMINENT_FACETS.includes(facet) ? `${FACET_LABELS[facet]} ` : "",
    });
  });
  return [...buttons, facetButton("more", panel, "more")];
}

/**
 * @param {Facet} facet
 * @param {string[]} values
 */
function valueOf(facet, values) {
  if (!values.length) return `any ${FACET_LABELS[facet]}`;
  return facet === "exchange" ? values[0].slice(0, SHORT_ID) : valueText(facet, values[0]);
}

/**
 * @param {Facet | "more"} facet
 * @param {FacetPanel} panel
 * @param {string} value  shortened where it is long
 * @param {{isOn?: boolean, before?: string, after?: string}} [more]  what stands around it, always whole
 */
function facetButton(facet, panel, value, { isOn = false, before = "", after = "" } = {}) {
  const button = element("button", {
    type: "button", class: isOn ? "chip on" : "chip", "data-key": facet, "aria-haspopup": "dialog",
    "aria-label": facet === "more" ? "More filters" : `Filter by ${FACET_LABELS[facet]}: ${value}${after}`,
    onclick: () => panel.open(facet, button),
  }, before, element("span", { class: "name" }, value), after, element("span", { class: "down", "aria-hidden": "true" }));
  return button;
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
