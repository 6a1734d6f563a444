/** A text of an exchange as it was sent: code in a fixed face, JSON laid out, and what is long folded. */

import { stretchesOf } from "../text/code_blocks.js";
import { whole } from "../text/format.js";
import { isJsonBody, laidOut } from "../text/json_layout.js";
import { button, element } from "./elements.js";

/** Longer texts are folded to a screen or so. */
const LONG = 6_000;

/**
 * A text with its line breaks and all.
 * @param {string} text
 */
export function textPart(text) {
  if (isJsonBody(text)) return folding(element("div", { class: "text code", dir: "ltr" }, laidOut(text)), text.length);
  const stretches = stretchesOf(text).map((stretch) => (stretch.isCode ? element("code", { class: "code", dir: "ltr" }, stretch.text) : stretch.text));
  return folding(element("div", { class: "text", dir: "auto" }, ...stretches), text.length);
}

/**
 * What is long is folded, not shortened: searching the page finds all of it.
 * @param {HTMLElement} block
 * @param {number} length  characters of its text
 * @returns {HTMLElement}
 */
export function folding(block, length) {
  if (length <= LONG) return block;
  block.classList.add("folded");
  const all = `Show all ${whole(length)} characters`;
  const unfold = button(all, () => {
    const isFolded = block.classList.toggle("folded");
    unfold.setAttribute("aria-expanded", String(!isFolded));
    unfold.textContent = isFolded ? all : "Show less";
  }, { class: "unfold", "aria-expanded": "false" });
  return element("div", {}, block, unfold);
}
