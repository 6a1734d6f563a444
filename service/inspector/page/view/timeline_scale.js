/** Where a moment and a duration stand in the picture of the timeline, in pixels. */

import { heightOf } from "./scale.js";

/** Pixels between the picture's edges and what is drawn. */
export const MARGIN = Object.freeze({ left: 46, right: 10, top: 9, bottom: 18 });
const LEAST_WIDTH = 120;
const LEAST_HEIGHT = 40;

/** @typedef {ReturnType<typeof makeTimelineScale>} TimelineScale */

/** @param {HTMLElement} chart */
export function makeTimelineScale(chart) {
  let [from, to, longest] = [0, 1, 10];
  const width = () => Math.max(LEAST_WIDTH, chart.clientWidth);
  const height = () => Math.max(LEAST_HEIGHT, chart.clientHeight);
  const room = () => width() - MARGIN.left - MARGIN.right;

  return {
    width,
    height,
    /** Unix milliseconds at both ends. @returns {[number, number]} */
    limits: () => [from, to],
    /** The duration at the top, in seconds. */
    longest: () => longest,
    /**
     * @param {[number, number]} limits  Unix milliseconds
     * @param {number} top  seconds
     */
    set(limits, top) {
      [[from, to], longest] = [limits, top];
    },
    /** @param {number} ms  Unix milliseconds */
    xOf: (ms) => MARGIN.left + ((ms - from) / (to - from)) * room(),
    /** @param {number} ms  a duration in milliseconds */
    yOf: (ms) => height() - MARGIN.bottom - heightOf(ms / 1000, longest) * (height() - MARGIN.top - MARGIN.bottom),
    /** @param {number} x  @returns {number} Unix milliseconds */
    momentAt: (x) => from + (Math.min(Math.max(x - MARGIN.left, 0), room()) / room()) * (to - from),
  };
}
