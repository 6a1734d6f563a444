/** What stands where the rows would: how to begin, why nothing matches, what went wrong. */

import { isFiltered, withoutFilters } from "../state/address.js";
import { copy, element } from "./elements.js";
import { describeTime } from "../text/view_description.js";

/**
 * @typedef {{view: import("../state/address.js").View, go: (changes: Partial<import("../state/address.js").View>) => void}} Address
 */

/**
 * @param {string} label
 * @param {() => void} onclick
 */
function button(label, onclick) {
  return element("button", { type: "button", onclick }, label);
}

/** @param {Address} address */
export function emptyPart(address) {
  const { view } = address;
  const allTime = view.from === "all" && !view.to ? null : button("Show all time", () => address.go({ from: "all", to: "" }));
  if (isFiltered(view)) {
    return element(
      "div", {}, element("h2", {}, "Nothing matches"), element("p", {}, allTime ? `No exchange of ${describeTime(view)} fits these filters.` : "No exchange that is kept fits these filters."),
      element("p", { class: "actions" }, allTime, button("Clear the filters", () => address.go(withoutFilters(view)))),
    );
  }
  if (allTime) {
    return element("div", {}, element("h2", {}, "Nothing in this time"), element("p", {}, `No exchange ended in ${describeTime(view)}.`), element("p", { class: "actions" }, allTime));
  }
  return welcomePart();
}

function welcomePart() {
  const base = `${window.location.origin}/api/ollama`;
  const command = `curl ${base}/api/generate -d '{"model": "llama3.2", "prompt": "Why is the sky blue?"}'`;
  const copying = button("Copy", async () => {
    copying.textContent = (await copy(command)) ? "Copied" : "Select it and copy";
  });
  return element(
    "div", {}, element("h2", {}, "No exchange yet"),
    element("p", {}, "Point a program at ", element("code", {}, base), " where it asks for Ollama\u2019s address, or at ", element("code", {}, `${base}/v1`), " where it asks for OpenAI\u2019s. Or try it at once:"),
    element("pre", { tabindex: "0", role: "group", "aria-label": "A first command" }, command), element("p", { class: "actions" }, copying),
    element("p", {}, "It appears here while it is still being answered."),
  );
}

/**
 * @param {Address} address
 * @param {import("../state/api.js").Refusal} trouble
 * @param {() => void} again
 */
export function troublePart(address, trouble, again) {
  const isMistaken = trouble.status === 400;
  return element(
    "div", {}, element("h2", {}, isMistaken ? "This cannot be searched for" : "The exchanges could not be loaded"), element("p", {}, trouble.message),
    element("p", { class: "actions" }, isMistaken ? button("Clear the filters", () => address.go({ ...withoutFilters(address.view), from: "", to: "" })) : button("Try again", again)),
  );
}
