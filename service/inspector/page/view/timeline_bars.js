/** The timeline as bars: how many exchanges ended in each stretch of it, and how many of these failed. */

import { clock, counted, minute, moment, whole } from "../text/format.js";
import { drawn } from "./elements.js";
import { MARGIN } from "./timeline_scale.js";

/**
 * @typedef {import("./timeline_scale.js").TimelineScale} TimelineScale
 * @typedef {object} Bar
 * @property {number} from  Unix milliseconds
 * @property {number} to
 * @property {number} x  pixels, as are width and top
 * @property {number} width
 * @property {number} top
 * @property {number} count
 * @property {number} failed
 */

const USUAL_WIDTH = 8;
const GAP = 1.5;
/** However few failed among many: it is seen. */
const LEAST_HEIGHT = 1.5;
const MINUTE = 60_000;

/**
 * @param {import("../state/dots.js").Dot[]} dots
 * @param {TimelineScale} scale
 * @returns {Bar[]}
 */
export function barsOf(dots, scale) {
  const [from, to] = scale.limits();
  const room = scale.width() - MARGIN.left - MARGIN.right;
  const columns = Math.max(1, Math.floor(room / USUAL_WIDTH));
  const [span, width] = [(to - from) / columns, room / columns];
  const bars = Array.from({ length: columns }, (_, index) => ({
    from: from + index * span, to: from + (index + 1) * span, x: MARGIN.left + index * width, width, top: 0, count: 0, failed: 0,
  }));
  for (const [ended, , kind, count] of dots) {
    const bar = bars[Math.min(columns - 1, Math.max(0, Math.floor((ended - from) / span)))];
    bar.count += count;
    if (kind) bar.failed += count;
  }
  const most = topOf(bars);
  for (const bar of bars) bar.top = yOf(bar.count, most, scale);
  return bars;
}

/**
 * @param {Bar[]} bars
 * @param {TimelineScale} scale
 * @returns {SVGElement[]}
 */
export function barParts(bars, scale) {
  const bottom = scale.height() - MARGIN.bottom;
  const most = topOf(bars);
  return ["count", "failed"].map((kind) => drawn("path", {
    class: `bars ${kind}`,
    d: bars.filter((bar) => (kind === "failed" ? bar.failed : bar.count)).map((bar) => {
      const top = kind === "failed" ? Math.min(bottom - LEAST_HEIGHT, yOf(bar.failed, most, scale)) : bar.top;
      return `M${bar.x.toFixed(1)} ${bottom}V${top.toFixed(1)}h${Math.max(1, bar.width - GAP).toFixed(1)}V${bottom}z`;
    }).join(""),
  }));
}

/**
 * @param {Bar[]} bars
 * @param {TimelineScale} scale
 * @returns {SVGElement[]}
 */
export function countLines(bars, scale) {
  const most = topOf(bars);
  return [most / 2, most].filter(Number.isInteger).flatMap((count) => {
    const y = yOf(count, most, scale);
    return [
      drawn("line", { x1: MARGIN.left, x2: scale.width() - MARGIN.right, y1: y, y2: y, class: "grid" }),
      drawn("text", { x: MARGIN.left - 8, y: y + 3.5, class: "end" }, whole(count)),
    ];
  });
}

/**
 * "1,204 exchanges, 14:00 to 14:10, 3 failed"
 * @param {Bar} bar
 */
export function barText({ from, to, count, failed }) {
  const end = to - from < 2 * MINUTE ? clock(to) : minute(to);
  return [counted(count, "exchange"), `${moment(from, Date.now())} to ${end}`, failed ? `${whole(failed)} failed` : ""].filter(Boolean).join(", ");
}

/**
 * A round number that no bar is higher than.
 * @param {Bar[]} bars
 */
function topOf(bars) {
  const most = bars.reduce((count, bar) => Math.max(count, bar.count), 1);
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((digit) => digit * step).find((count) => count >= most) ?? most;
}

/** @param {number} count @param {number} most @param {TimelineScale} scale */
function yOf(count, most, scale) {
  const bottom = scale.height() - MARGIN.bottom;
  return bottom - (count / most) * (bottom - MARGIN.top);
}
