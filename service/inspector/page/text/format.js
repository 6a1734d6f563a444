/** Numbers, sizes and moments in the words of the page. All pure; moments are in the reader's own time zone. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const ABSENT = "–";

/**
 * An energy in joules, or from a watt-hour on in watt-hours; "–" where it is unknown.
 * @param {number | null | undefined} joules
 */
export function energy(joules) {
  if (joules === undefined || joules === null) return "–";
  const hours = joules / 3600;
  if (hours >= 1000) return `${(hours / 1000).toPrecision(3)} kWh`;
  return hours >= 1 ? `${hours.toPrecision(3)} Wh` : `${joules >= 100 ? joules.toFixed(0) : joules.toPrecision(2)} J`;
}

/**
 * The energy of several calls. What a meter told nothing of may have taken as much again: "12 J of 3".
 * @param {number | null} joules
 * @param {number} metered  how many of the calls a meter told of
 * @param {number} calls
 */
export function energyOfCalls(joules, metered, calls) {
  return joules !== null && metered < calls ? `${energy(joules)} of ${short(metered)}` : energy(joules);
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isKnown(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/**
 * "0.4 ms", "80 ms", "0.42 s", "7.2 s", "300 s", "12 min", "3.5 h"
 * @param {number | undefined | null} seconds
 * @returns {string}
 */
export function duration(seconds) {
  if (!isKnown(seconds)) return ABSENT;
  if (seconds <= 0) return "0 s";
  if (seconds < 0.00095) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.0995) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 599.5) return `${seconds.toFixed(0)} s`;
  if (seconds < 7170) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(0)} days`;
}

/**
 * Every digit: "1,204,377"
 * @param {number | undefined | null} value
 */
export function whole(value) {
  return isKnown(value) ? WHOLE.format(value) : ABSENT;
}

/**
 * Short where it is long: "412", "9,999", "188 k", "1.2 M"
 * @param {number | undefined | null} value
 */
export function short(value) {
  if (!isKnown(value)) return ABSENT;
  if (Math.abs(value) < 10_000) return WHOLE.format(value);
  for (const [unit, letter] of /** @type {[number, string][]} */ ([[1e3, "k"], [1e6, "M"], [1e9, "G"]])) {
    const count = value / unit;
    if (count < 9.95) return `${count.toFixed(1)} ${letter}`;
    if (count < 999.5) return `${count.toFixed(0)} ${letter}`;
  }
  return `${WHOLE.format(value / 1e9)} G`;
}

/**
 * One of something, or many: "1 exchange", "1,204 exchanges"
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

/** @param {number | undefined | null} perSecond */
export function rate(perSecond) {
  if (!isKnown(perSecond)) return "";
  return `${perSecond < 9.95 ? perSecond.toFixed(1) : WHOLE.format(perSecond)} tok/s`;
}

/**
 * "812 bytes", "183 kB", "1.2 MB"
 * @param {number | undefined | null} bytes
 */
export function size(bytes) {
  if (!isKnown(bytes)) return ABSENT;
  if (bytes < 1000) return counted(bytes, "byte");
  for (const [unit, name] of /** @type {[number, string][]} */ ([[1e3, "kB"], [1e6, "MB"], [1e9, "GB"]])) {
    const count = bytes / unit;
    if (count < 9.95) return `${count.toFixed(1)} ${name}`;
    if (count < 999.5) return `${count.toFixed(0)} ${name}`;
  }
  return `${WHOLE.format(bytes / 1e12)} TB`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/**
 * "14:02:31"
 * @param {number} ms Unix milliseconds
 */
export function clock(ms) {
  return CLOCK.format(ms);
}

/**
 * "14:02"
 * @param {number} ms Unix milliseconds
 */
export function minute(ms) {
  return MINUTE.format(ms);
}

/**
 * "" today, else "yesterday", "20 Nov" or "20 Nov 2025"
 * @param {number} ms Unix milliseconds
 * @param {number} now Unix milliseconds
 */
export function day(ms, now) {
  const then = new Date(ms);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return "";
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (then.toDateString() === yesterday.toDateString()) return "yesterday";
  return (then.getFullYear() === today.getFullYear() ? DAY : DAY_OF_YEAR).format(ms);
}

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "long" });

/**
 * A day as a heading: "today", "yesterday, Friday", "Thursday, 20 Nov"
 * @param {number} ms Unix milliseconds
 * @param {number} now Unix milliseconds
 */
export function dayHeading(ms, now) {
  const name = day(ms, now);
  if (!name) return "today";
  return name === "yesterday" ? `yesterday, ${WEEKDAY.format(ms)}` : `${WEEKDAY.format(ms)}, ${name}`;
}

/**
 * "today 14:02:31", "yesterday 09:12:00", "20 Nov 14:02:31"
 * @param {number} ms Unix milliseconds
 * @param {number} now Unix milliseconds
 */
export function moment(ms, now) {
  return `${day(ms, now) || "today"} ${clock(ms)}`;
}

/**
 * What stands between two moments, each told once: "today 14:00 – 15:30", "19 Nov 08:00 – 20 Nov 09:00"
 * @param {number} from Unix milliseconds
 * @param {number} to Unix milliseconds
 * @param {number} now Unix milliseconds
 */
export function span(from, to, now) {
  const precise = to - from < 600_000 ? clock : minute;
  const [first, last] = [day(from, now) || "today", day(to, now) || "today"];
  if (first === last) return `${first} ${precise(from)} – ${precise(to)}`;
  return `${first} ${precise(from)} – ${last} ${precise(to)}`;
}

/**
 * How much more or less than before: "+12 %", "−40 %", "×3.1", "the same"
 * @param {unknown} before
 * @param {unknown} after
 */
export function change(before, after) {
  if (!isKnown(before) || !isKnown(after) || before <= 0) return "";
  const ratio = after / before;
  if (Math.abs(ratio - 1) < 0.005) return "the same";
  if (ratio >= 2) return `×${ratio < 9.95 ? ratio.toFixed(1) : WHOLE.format(ratio)}`;
  const percent = Math.round((ratio - 1) * 100);
  return percent > 0 ? `+${percent} %` : `−${-percent} %`;
}

/** How a value of each kind is shown. What is unknown is "" or a dash. */
const SHOWN = Object.freeze(/** @type {Record<import("../state/tables.js").ValueKind, (value: any) => string>} */ ({
  text: (value) => String(value),
  count: whole,
  duration,
  rate,
  truth: (value) => (value ? "yes" : "no"),
}));

/**
 * A value of a record as the page shows it.
 * @param {import("../state/tables.js").ValueKind} kind
 * @param {unknown} value
 * @returns {string} "" where it is unknown
 */
export function shownAs(kind, value) {
  return value === undefined || value === null ? "" : SHOWN[kind](value);
}

/**
 * The value of a field as its kind and its unit have it.
 * @param {string} kind
 * @param {string} unit
 * @param {any} value
 * @returns {string} "" where it is unknown
 */
export function shownField(kind, unit, value) {
  if (value === undefined || value === null) return "";
  if (kind === "time") return moment(Date.parse(value), Date.now());
  if (kind === "names") return value.join(", ");
  if (unit === "bytes") return size(value);
  if (unit === "tokens/s") return rate(value);
  if (unit === "s") return duration(value);
  if (unit === "J") return energy(value);
  return shownAs(kind === "count" || kind === "truth" ? kind : "text", value);
}

/**
 * Where Loki warned that its answer lacks something; else "".
 * @param {{warnings?: string[]}} scanned  as an answer of all recorders has it
 */
export function warningText({ warnings = [] }) {
  return warnings.length ? `Some may be missing, as Loki warns: ${warnings.join("; ")}` : "";
}
