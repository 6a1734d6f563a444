/** Times as a filter has them: absolute, relative like -1h, or a day. Pure. */

const UNITS = Object.freeze(/** @type {Record<string, number>} */ ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 }));
const ABSOLUTE = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,3})\d*)?\s?([Zz]|[+-]\d\d:?\d\d)?)?$/;
const RELATIVE = /^-(\d{1,9}(?:\.\d{1,9})?)([smhdw])$/;
const UNIX_SECONDS = /^\d{1,11}(\.\d{1,9})?$/;

/**
 * Reads `from` or `to` of a filter as the recorder does.
 * @param {string} text
 * @param {number} now Unix milliseconds
 * @param {boolean} [isEnd] a date alone then is the end of that day
 * @returns {number} Unix milliseconds; NaN when it cannot be understood
 */
export function timestampOf(text, now, isEnd = false) {
  if (text === "now") return now;
  const relative = RELATIVE.exec(text);
  if (relative) return now - Number(relative[1]) * UNITS[relative[2]];
  if (UNIX_SECONDS.test(text)) return Number(text) * 1000;
  // In an address a + that is not encoded means a blank.
  const absolute = ABSOLUTE.exec(/t/i.test(text) ? text.replace(/ (\d\d:?\d\d)$/, "+$1") : text);
  if (!absolute) return NaN;
  const [, day, clock, seconds = ":00", fraction = "", zone = "Z"] = absolute;
  if (!clock) return Date.parse(`${day}T00:00Z`) + (isEnd ? UNITS.d : 0);
  const offset = zone.toUpperCase().replace(/(\d\d):?(\d\d)$/, "$1:$2");
  return Date.parse(`${day}T${clock}${seconds}.${fraction.padEnd(3, "0")}${offset}`);
}
