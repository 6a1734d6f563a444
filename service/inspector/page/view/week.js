/** The week as a heatmap: for each hour of seven days how long models worked. An hour that is pressed is looked at closer. */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { timestampOf } from "../state/timestamps.js";
import { counted, duration, minute } from "../text/format.js";
import { element, replace } from "./elements.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {[number, number, number, number]} Stretch  of /week.json: its begin in Unix ms, seconds of model time, calls, failures
 * @typedef {{begin: number, end: number, time: number, calls: number, failed: number}} Hour  ms, ms, seconds
 */

const [HOUR, DAYS, HOURS] = [3_600_000, 7, 24];
const NAMED_HOURS = 3;
/** Where there is no room for 24 columns, hours go down and days go across. */
const NARROW = "(max-width: 860px)";
/** Shades of a cell beside the empty one, which the style sheet has. */
const SHADES = 5;

/**
 * @param {Address} address
 * @returns {import("./overview.js").Tab}
 */
export function makeWeek(address) {
  const summary = element("p", { class: "quiet" });
  const table = element("table", { class: "week" });
  const wide = element("div", { class: "across", tabindex: "0", role: "region", "aria-label": "Model time of each hour" }, table);
  const root = element("section", { "aria-label": "The week" }, summary, wide);
  const asking = oneAtATime();
  const narrow = window.matchMedia(NARROW);
  /** @type {Hour[][]} */
  let shown = [];
  narrow.addEventListener("change", () => draw(shown));

  return {
    root,
    key: () => "",
    async load() {
      const days = daysUntil(lastMoment(address.view));
      const [from, to] = [days[0], endOf(days[days.length - 1])];
      try {
        const query = filterOf({ ...address.view, from: new Date(from).toISOString(), to: new Date(to).toISOString() });
        /** @type {{stretches: Stretch[]}} */
        const { stretches } = await ask(`/week.json?${query}`, { signal: asking.next() });
        root.classList.remove("stale");
        draw(days.map((day) => hoursOf(day, stretches)));
      } catch (error) {
        if (isAborted(error)) return;
        summary.textContent = /** @type {Error} */ (error).message;
        replace(table);
      }
    },
    stale() {
      root.classList.add("stale");
    },
  };

  /** @param {Hour[][]} days */
  function draw(days) {
    shown = days;
    const hours = days.flat();
    const most = hours.reduce((time, hour) => Math.max(time, hour.time), 0);
    const busiest = hours.find((hour) => hour.time === most && most > 0);
    const total = hours.reduce((time, hour) => time + hour.time, 0);
    summary.textContent = busiest ? `${duration(total)} of model time in seven days; most in ${nameOf(busiest)}: ${duration(most)}.`
      : "No model worked in these seven days.";
    table.classList.toggle("upright", narrow.matches);
    replace(table, ...(narrow.matches ? uprightParts(days, most) : flatParts(days, most)));
  }

  /** A row for each day. @param {Hour[][]} days @param {number} most */
  function flatParts(days, most) {
    const head = element("tr", {}, cornerPart("Day"), ...Array.from({ length: HOURS }, (_, hour) => hourPart(hour, "col")));
    const rows = days.map((day) => element(
      "tr", {}, element("th", { scope: "row" }, dayName(day[0].begin)), ...day.map((hour) => element("td", {}, cellPart(hour, most))),
    ));
    return [element("thead", {}, head), element("tbody", {}, ...rows)];
  }

  /** A row for each hour. @param {Hour[][]} days @param {number} most */
  function uprightParts(days, most) {
    const head = element("tr", {}, cornerPart("Hour"), ...days.map(([{ begin }]) => element(
      "th", { scope: "col" }, new Date(begin).toLocaleDateString("en-GB", { weekday: "short" }), element("br"), String(new Date(begin).getDate()),
    )));
    const rows = Array.from({ length: days.length ? HOURS : 0 }, (_, hour) => element(
      "tr", {}, hourPart(hour, "row"), ...days.map((day) => element("td", {}, cellPart(day[hour], most))),
    ));
    return [element("thead", {}, head), element("tbody", {}, ...rows)];
  }

  /** @param {Hour} hour @param {number} most */
  function cellPart(hour, most) {
    const shade = hour.time ? Math.max(1, Math.ceil((hour.time / most) * SHADES)) : 0;
    const failed = hour.failed ? `, ${hour.failed} failed` : "";
    const label = `${nameOf(hour)}: ${duration(hour.time)} of model time, ${counted(hour.calls, "call")}${failed}`;
    return element("button", {
      type: "button", class: `shade-${shade}${hour.failed ? " has-failed" : ""}`, title: label, "aria-label": label, disabled: !hour.calls,
      onclick: () => address.go({ from: new Date(hour.begin).toISOString(), to: new Date(hour.end).toISOString(), tab: "" }),
    });
  }
}

/** @param {string} name */
function cornerPart(name) {
  return element("th", { scope: "col" }, element("span", { class: "unseen" }, name));
}

/** @param {number} hour @param {"col" | "row"} scope */
function hourPart(hour, scope) {
  return element("th", { scope }, hour % NAMED_HOURS ? element("span", { class: "unseen" }, String(hour)) : String(hour));
}

/** @param {import("../state/address.js").View} view  @returns {number} the last moment that it asks for, Unix ms */
function lastMoment({ to }) {
  const now = Date.now();
  const end = to ? timestampOf(to, now, true) : now;
  return Number.isNaN(end) ? now : end - 1;
}

/** @param {number} last  @returns {number[]} when each of the seven days begins that end with this moment's */
function daysUntil(last) {
  const date = new Date(last);
  return Array.from({ length: DAYS }, (_, index) => new Date(date.getFullYear(), date.getMonth(), date.getDate() - DAYS + 1 + index).getTime());
}

/** @param {number} begin  of a day; that on which clocks are put forward is shorter */
function endOf(begin) {
  const date = new Date(begin);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}

/**
 * The 24 hours of the clock. One that the clock passes over is empty; one that it shows twice holds both.
 * @param {number} day  when it begins
 * @param {Stretch[]} stretches
 * @returns {Hour[]}
 */
function hoursOf(day, stretches) {
  const date = new Date(day);
  const hours = Array.from({ length: HOURS }, (_, hour) => {
    const begin = new Date(date.getFullYear(), date.getMonth(), date.getDate(), hour).getTime();
    return { begin, end: Math.max(begin + HOUR, hour + 1 < HOURS ? begin + HOUR : endOf(day)), time: 0, calls: 0, failed: 0 };
  });
  const end = endOf(day);
  for (const [begin, time, calls, failed] of stretches) {
    if (begin < day || begin >= end) continue;
    const hour = hours[new Date(begin).getHours()];
    hour.time += time;
    hour.calls += calls;
    hour.failed += failed;
    hour.end = Math.max(hour.end, begin + HOUR - ((begin - hour.begin) % HOUR));
  }
  return hours;
}

/** @param {Hour} hour  "Tue 14:00 to 15:00" */
function nameOf({ begin, end }) {
  return `${dayName(begin)} ${minute(begin)} to ${minute(end)}`;
}

/** @param {number} ms */
function dayName(ms) {
  return new Date(ms).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
}
