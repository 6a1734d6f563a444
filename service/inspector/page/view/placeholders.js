/** What stands where the rows would: how to begin, why nothing matches, what went wrong. */

import { isFiltered, withoutFilters } from "../state/address.js";
import { GATEWAY_PREFIX } from "../state/tables.js";
import { describeTime } from "../text/view_description.js";
import { button, copy, element } from "./elements.js";

/** @typedef {import("../state/address.js").Address} Address */

const ASK_OLLAMA = " where it asks for Ollama\u2019s address, or at ";
const ASK_OPENAI = " where it asks for OpenAI\u2019s. Or try it at once:";

/**
 * @param {string} heading
 * @param {string} sentence
 * @param {...(HTMLElement | null)} actions
 */
function messagePart(heading, sentence, ...actions) {
  return element("div", {}, element("h2", {}, heading), element("p", {}, sentence), element("p", { class: "actions" }, ...actions));
}

/** @param {Address} address */
export function emptyPart(address) {
  const { view } = address;
  const isAllTime = view.from === "all" && !view.to;
  const allTime = isAllTime ? null : button("Show all time", () => address.go({ from: "all", to: "" }));
  if (isFiltered(view)) {
    const sentence = isAllTime ? "No exchange that is kept fits these filters." : `No exchange of ${describeTime(view)} fits these filters.`;
    return messagePart("Nothing matches", sentence, allTime, button("Clear the filters", () => address.go(withoutFilters(view))));
  }
  if (!isAllTime) return messagePart("Nothing in this time", `No exchange ended in ${describeTime(view)}.`, allTime);
  if (view.store) return messagePart("Nothing in Loki", "No recorder has shipped an exchange that is still kept there.");
  return welcomePart();
}

function welcomePart() {
  const base = `${window.location.origin}${GATEWAY_PREFIX}`;
  const command = `curl ${base}/api/generate -d '{"model": "llama3.2", "prompt": "Why is the sky blue?"}'`;
  const copying = button("Copy", async () => {
    copying.textContent = (await copy(command)) ? "Copied" : "Select it and copy";
  });
  return element(
    "div", {}, element("h2", {}, "No exchange yet"),
    element("p", {}, "Point a program at ", element("code", {}, base), ASK_OLLAMA, element("code", {}, `${base}/v1`), ASK_OPENAI),
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
  if (trouble.status !== 400) return messagePart("The exchanges could not be loaded", trouble.message, button("Try again", again));
  const clear = button("Clear the filters", () => address.go({ ...withoutFilters(address.view), from: "", to: "" }));
  return messagePart("This cannot be searched for", trouble.message, clear);
}
