/** The keys of the page. Letters can be switched off, for those whose speech or switches would press them by chance. */

import { isDialogOpen } from "./dialogs.js";

const SETTING = "single-keys";

/**
 * @typedef {object} Doings
 * @property {(by: number) => void} move  up and down the list
 * @property {() => number} page  rows in sight
 * @property {() => void} enter  into the open exchange
 * @property {() => void} leave  one step back: out of the exchange, out of the search
 * @property {() => void} search
 * @property {() => void} help
 * @property {(action: "replay" | "curl" | "previous" | "next" | "answer") => void} press  a button of the open exchange
 * @property {() => void} save
 */

/** @param {Doings} doings */
export function listenToKeys(doings) {
  const letters = /** @type {Record<string, () => void>} */ ({
    j: () => doings.move(1), k: () => doings.move(-1), "/": doings.search, "?": doings.help, e: doings.save,
    r: () => doings.press("replay"), c: () => doings.press("curl"), a: () => doings.press("answer"), "[": () => doings.press("previous"), "]": () => doings.press("next"),
  });
  const inList = /** @type {Record<string, () => void>} */ ({
    ArrowDown: () => doings.move(1), ArrowUp: () => doings.move(-1), PageDown: () => doings.move(doings.page()),
    PageUp: () => doings.move(-doings.page()), Home: () => doings.move(-Infinity), End: () => doings.move(Infinity), Enter: doings.enter,
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("[popover]:popover-open")) return;
    const isTyping = target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
    const isInList = target === document.body || target.id === "list" || target.id === "scroller";
    let doing;
    if (event.key === "Escape") doing = doings.leave;
    else if (isInList && inList[event.key]) doing = inList[event.key];
    else if (!isTyping && areLettersOn()) doing = letters[event.key];
    else if (target.id === "search" && event.key === "ArrowDown") doing = () => doings.move(0);
    if (!doing) return;
    event.preventDefault();
    doing();
  });
}

/** @returns {boolean} */
export function areLettersOn() {
  try {
    return localStorage.getItem(SETTING) !== "off";
  } catch {
    return true;
  }
}

/** @param {boolean} isOn */
export function setLetters(isOn) {
  try {
    localStorage.setItem(SETTING, isOn ? "on" : "off");
  } catch {
    // Where a browser keeps nothing, the choice holds for nothing.
  }
}
