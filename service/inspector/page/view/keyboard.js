/** The keys of the page. Letters can be switched off, for those whose speech or switches would press them by chance. */

import { keepChoice, keptChoice } from "../state/kept_choices.js";
import { isDialogOpen } from "./dialogs.js";

const SETTING = "single-keys";

/**
 * @typedef {object} Actions
 * @property {(by: number) => void} move  up and down the list
 * @property {() => number} page  rows in sight
 * @property {() => void} enter  into the open exchange
 * @property {() => void} leave  one step back: out of the exchange, out of the search
 * @property {() => void} search
 * @property {() => void} help
 * @property {(action: import("./exchange_actions.js").Action) => void} press  a button of the open exchange
 * @property {() => void} save
 */

/** @param {Actions} actions */
export function listenToKeys(actions) {
  const letters = lettersOf(actions);
  const inList = listKeysOf(actions);

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isDialogOpen()) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("[popover]:popover-open")) return;
    const isTyping = target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
    const isInList = target === document.body || target.id === "list" || target.id === "scroller";
    let action;
    if (event.key === "Escape") action = actions.leave;
    else if (isInList && inList[event.key]) action = inList[event.key];
    else if (!isTyping && areLettersOn()) action = letters[event.key];
    else if (target.id === "search" && event.key === "ArrowDown") action = () => actions.move(0);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/**
 * @param {Actions} actions
 * @returns {Record<string, (() => void) | undefined>}
 */
function lettersOf({ move, search, help, save, press }) {
  return {
    j: () => move(1), k: () => move(-1), "/": search, "?": help, e: save,
    r: () => press("replay"), c: () => press("curl"), m: () => press("compare"),
    a: () => press("answer"), "[": () => press("previous"), "]": () => press("next"),
  };
}

/**
 * @param {Actions} actions
 * @returns {Record<string, (() => void) | undefined>}
 */
function listKeysOf({ move, page, enter }) {
  return {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(page()), PageUp: () => move(-page()),
    Home: () => move(-Infinity), End: () => move(Infinity), Enter: enter,
  };
}

/** @returns {boolean} */
export const areLettersOn = () => keptChoice(SETTING) !== "off";

/** @param {boolean} isOn */
export const setLetters = (isOn) => keepChoice(SETTING, isOn ? "on" : "off");
