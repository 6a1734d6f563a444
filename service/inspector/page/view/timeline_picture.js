/** The picture of the timeline: lines and labels of its scales, and dots as clouds. */

import { clock, minute } from "../text/format.js";
import { drawn } from "./elements.js";
import { durationTicks, timeTicks } from "./scale.js";
import { MARGIN } from "./timeline_scale.js";

/** @typedef {{x: number, y: number, dot: import("../state/dots.js").Dot, colour: string}} PlacedDot */

const [MINUTE, HOUR, DAY] = [6e4, 36e5, 864e5];
/** Pixels that a label of a time needs. */
const LABEL_WIDTH = 110;
const HALF_LABEL = 14;
/** From more than so many exchanges on a dot is larger. */
const [SOME, MANY] = [3, 20];

/**
 * @param {import("./timeline_scale.js").TimelineScale} scale
 * @param {SVGElement[]} [upwards]  the lines of what is drawn upwards, where that is no duration
 * @returns {SVGElement[]}
 */
export function gridParts(scale, upwards = durationLines(scale)) {
  return [...upwards, ...timeLines(scale)];
}

/**
 * @param {import("./timeline_scale.js").TimelineScale} scale
 * @returns {SVGElement[]}
 */
function durationLines({ width, yOf, longest }) {
  return durationTicks(longest()).flatMap((seconds) => {
    const y = yOf(seconds * 1000);
    return [
      drawn("line", { x1: MARGIN.left, x2: width() - MARGIN.right, y1: y, y2: y, class: "grid" }),
      drawn("text", { x: MARGIN.left - 8, y: y + 3.5, class: "end" }, `${seconds.toLocaleString("en")} s`),
    ];
  });
}

/**
 * @param {import("./timeline_scale.js").TimelineScale} scale
 * @returns {SVGElement[]}
 */
function timeLines({ width, height, xOf, limits }) {
  const { ticks, step } = timeTicks(...limits(), Math.max(2, Math.floor(width() / LABEL_WIDTH)));
  const [first, last, bottom] = [MARGIN.left + HALF_LABEL, width() - MARGIN.right - HALF_LABEL, height() - MARGIN.bottom];
  return ticks.map((at) => ({ at, x: xOf(at) })).filter(({ x }) => x >= first && x <= last).flatMap(({ at, x }) => [
    drawn("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4, class: "grid" }),
    drawn("text", { x, y: height() - 4, class: "middle" }, tickLabel(at, step)),
  ]);
}

/**
 * @param {number} at
 * @param {number} step  milliseconds between two labels
 */
function tickLabel(at, step) {
  const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  if (step >= DAY || (midnight && step >= HOUR)) return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return step < MINUTE ? clock(at) : minute(at);
}

/**
 * Dots of one colour and size are one path: ten thousand of them cost a handful of elements.
 * @param {PlacedDot[]} placed
 */
export function cloudParts(placed) {
  /** @type {Map<string, string[]>} */
  const clouds = new Map();
  for (const { x, y, dot, colour } of placed) {
    const key = `dots ${colour} ${dot[3] > MANY ? "many" : dot[3] > SOME ? "some" : "one"}`;
    const move = `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
    const moves = clouds.get(key);
    if (moves) moves.push(move);
    else clouds.set(key, [move]);
  }
  return [...clouds].map(([key, moves]) => drawn("path", { class: key, d: moves.join("") }));
}
