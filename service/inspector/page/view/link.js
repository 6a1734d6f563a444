/** Links within the page: plain addresses for whoever opens them elsewhere. */

import { element } from "./elements.js";

/**
 * @typedef {import("../state/address.js").View} View
 * @typedef {(changes: Partial<View>, text: string, attributes?: Record<string, string>) => HTMLElement} Link
 */

/**
 * @param {import("../state/address.js").Address} address
 * @returns {Link}
 */
export function makeLink(address) {
  return (changes, text, attributes = {}) => element("a", { href: address.of(changes), ...attributes, onclick: (/** @type {MouseEvent} */ event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    address.go(changes);
  } }, text);
}
