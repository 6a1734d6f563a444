/** Who filled the context: system prompt, tools, earlier turns, the last question and the answer, as shares of the window. */

import { whole } from "../text/format.js";
import { element } from "./elements.js";

/** @typedef {import("../state/exchange_detail.js").ContextShares} ContextShares */

/** @type {Record<string, string>} */
const LABELS = Object.freeze({ system: "system", tools: "tools", earlier: "earlier turns", question: "last question", answer: "answer" });

/** @param {ContextShares | undefined} context */
export function contextPart(context) {
  if (!context?.parts.length) return null;
  const { window, is_known: isKnown, parts } = context;
  const used = parts.reduce((all, { tokens }) => all + tokens, 0);
  const bars = parts.map(({ part, share }) => {
    const bar = element("span", { class: part });
    bar.style.width = `${share * 100}%`;
    return bar;
  });
  const of = isKnown ? `${whole(used)} of ${whole(window)} tokens` : `${whole(used)} tokens; how many had room is not known`;
  const told = parts.map(({ part, tokens, share }) => element(
    "li", {}, element("span", { class: `swatch ${part}` }),
    `${LABELS[part] ?? part} ${Math.round(share * 100)} % (${part === "answer" ? "" : "about "}${whole(tokens)})`,
  ));
  return element(
    "section", { class: "context", "aria-label": "Who filled the context" }, element("p", { class: "quiet" }, `Context: ${of}`),
    element("div", { class: "shares", "aria-hidden": "true" }, ...bars), element("ul", {}, ...told),
  );
}
