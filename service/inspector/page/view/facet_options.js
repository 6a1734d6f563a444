/** The values of one facet, each with a box to choose it, and a field that narrows them down where they are many. */

import { FACET_LABELS } from "../state/tables.js";
import { short, whole } from "../text/format.js";
import { valueText } from "../text/view_description.js";
import { element, replace } from "./elements.js";

/**
 * @typedef {import("../state/tables.js").Facet} Facet
 * @typedef {import("./facet_panel.js").CurrentView} CurrentView
 * @typedef {{label: HTMLElement, value: string}} Option
 */

/** From so many values on they can be narrowed down. */
const MANY = 10;
/** The recorder gives no more of them. */
export const MOST_VALUES = 500;

/**
 * @param {Facet} facet
 * @param {[string, number][]} values  and how many exchanges have them
 * @param {CurrentView} current
 * @returns {{parts: (HTMLElement | null)[], first: HTMLElement | null}} `first`: what takes the focus
 */
export function makeFacetOptions(facet, values, current) {
  const label = FACET_LABELS[facet];
  const absent = current.view()[facet].filter((value) => value !== "" && !values.some(([name]) => name === value));
  const none = optionPart(facet, "", 0, current);
  const known = values.map(([value, count]) => optionPart(facet, value, count, current));
  const options = [none, ...absent.map((value) => optionPart(facet, value, 0, current)), ...known];
  const list = element("div", { class: "options", role: "group", "aria-label": label }, ...options.map((option) => option.label));
  const nothing = element("p", { class: "quiet", hidden: options.length > 1 }, `No ${label} is known in this time.`);
  // Where not all of them are here, what is typed may exist all the same.
  const typed = values.length < MOST_VALUES ? null : element("div", { class: "options" });
  const narrow = options.length > MANY ? narrowingField(label) : null;
  narrow?.addEventListener("input", () => {
    const text = narrow.value.trim();
    const isOffered = typed !== null && text !== "" && !options.some(({ value }) => value === text);
    if (typed) replace(typed, isOffered && optionPart(facet, text, 0, current).label);
    nothing.hidden = narrowDown(options, text) > 0 || isOffered;
    nothing.textContent = "Nothing here is called like that.";
  });
  return { parts: [narrow, typed, list, nothing], first: narrow ?? list.querySelector("input") };
}

/** @param {string} label */
function narrowingField(label) {
  return element("input", { type: "search", class: "narrow", placeholder: "Narrow down", "aria-label": `Narrow down the values of ${label}` });
}

/**
 * Hides the options that lack a text.
 * @param {Option[]} options
 * @param {string} text
 * @returns {number} how many are left
 */
function narrowDown(options, text) {
  const wanted = text.toLowerCase();
  for (const { label, value } of options) label.hidden = !(value || label.textContent || "").toLowerCase().includes(wanted);
  return options.filter(({ label }) => !label.hidden).length;
}

/**
 * @param {Facet} facet
 * @param {string} value
 * @param {number} count  0: not known
 * @param {CurrentView} current
 * @returns {Option}
 */
function optionPart(facet, value, count, current) {
  const box = element("input", { type: "checkbox" });
  box.checked = current.view()[facet].includes(value);
  box.addEventListener("change", () => {
    const others = current.view()[facet].filter((other) => other !== value);
    current.go({ [facet]: box.checked ? [...others, value] : others }, { replace: others.length > 0 });
  });
  const number = element("span", { class: "count", title: whole(count) }, count ? short(count) : "");
  return { label: element("label", {}, box, element("span", { class: "value" }, valueText(facet, value)), number), value };
}
