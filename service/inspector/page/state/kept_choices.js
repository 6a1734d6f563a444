/** What a reader chose and this browser keeps for the next time. Where it keeps nothing, a choice holds until the page is left. */

/** @type {Map<string, string>} */
const unkept = new Map();

/**
 * @param {string} name
 * @returns {string} "" where nothing was chosen
 */
export function keptChoice(name) {
  try {
    return localStorage.getItem(name) ?? unkept.get(name) ?? "";
  } catch {
    return unkept.get(name) ?? "";
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function keepChoice(name, value) {
  unkept.set(name, value);
  try {
    localStorage.setItem(name, value);
  } catch {
    // Browsers forbid it for a page of a private window, or when all their space is taken.
  }
}
