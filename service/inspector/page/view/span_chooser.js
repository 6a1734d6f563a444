/** Choosing a span of time on the timeline: by dragging across it, or with two handles that arrow keys move. */

import { makeSpanMarks } from "./span_marks.js";

/** Pixels that a pointer must travel before it is a drag and not a click. */
const DRAG = 5;
const STEPS = 60;
const LARGE_STEPS = 6;
const KEY_STEPS = Object.freeze(/** @type {Record<string, number>} */ ({
  ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -LARGE_STEPS, PageUp: LARGE_STEPS, Home: -STEPS, End: STEPS,
}));

/**
 * @typedef {import("./span_marks.js").Span} Span
 *
 * @typedef {object} Dependencies
 * @property {(x: number) => number} momentAt  Unix milliseconds at a place in pixels
 * @property {(ms: number) => number} xOf
 * @property {() => Span} limits  of the timeline
 * @property {(from: number, to: number) => void} choose
 * @property {(event: PointerEvent) => void} press  a click that was no drag
 * @property {() => void} released  a drag is over, whatever came of it: until then the scale must stand still
 */

/**
 * @param {HTMLElement} chart
 * @param {Dependencies} dependencies
 */
export function makeSpanChooser(chart, { momentAt, xOf, limits, choose, press, released }) {
  /** @type {Span | undefined} */
  let chosen;
  const marks = makeSpanMarks(chart, { pressed, focused: place, left });
  const drag = listenToDrags(chart, { dragged, ended: apply, cancelled: forget, press, released });

  function place() {
    marks.place(chosen, limits(), xOf);
  }

  /** @param {number} start  pixels @param {number} x  pixels */
  function dragged(start, x) {
    const [one, other] = [momentAt(start), momentAt(x)];
    chosen = one < other ? [one, other] : [other, one];
    place();
  }

  function apply() {
    const wanted = chosen;
    chosen = undefined;
    place();
    if (wanted && wanted[1] > wanted[0]) choose(...wanted);
  }

  function forget() {
    chosen = undefined;
    drag.cancel();
    place();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} side  0 the begin, 1 the end
   */
  function pressed(event, side) {
    const steps = KEY_STEPS[event.key];
    if (event.key === "Enter" && chosen) apply();
    else if (event.key === "Escape" && chosen) forget();
    else if (steps !== undefined) move(side, steps);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Moves one end, which stays a step away from the other.
   * @param {number} side
   * @param {number} steps
   */
  function move(side, steps) {
    const ends = limits();
    const step = (ends[1] - ends[0]) / STEPS;
    const moved = /** @type {Span} */ ([...(chosen ?? ends)]);
    const [least, most] = side ? [moved[0] + step, ends[1]] : [ends[0], moved[1] - step];
    moved[side] = Math.min(Math.max(moved[side] + steps * step, least), most);
    chosen = moved;
    place();
  }

  /** @param {FocusEvent} event */
  function left(event) {
    if (!marks.isHandle(event.relatedTarget) && !drag.isUnderWay()) forget();
  }

  return { place, isDragging: drag.isUnderWay };
}

/**
 * @param {HTMLElement} chart
 * @param {object} listeners
 * @param {(start: number, x: number) => void} listeners.dragged  pixels
 * @param {() => void} listeners.ended
 * @param {() => void} listeners.cancelled  `cancel` is to be called
 * @param {(event: PointerEvent) => void} listeners.press
 * @param {() => void} listeners.released
 */
function listenToDrags(chart, { dragged, ended, cancelled, press, released }) {
  /** @type {number | undefined} */
  let start;
  let isDragging = false;
  const xIn = (/** @type {PointerEvent} */ event) => event.clientX - chart.getBoundingClientRect().left;

  /** @returns {{wasDown: boolean, wasDragging: boolean}} */
  function end() {
    const [wasDown, wasDragging] = [start !== undefined, isDragging];
    start = undefined;
    isDragging = false;
    if (wasDragging) released();
    return { wasDown, wasDragging };
  }

  chart.addEventListener("pointerdown", (event) => {
    if (event.button === 0) start = xIn(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (start === undefined) return;
    const x = xIn(event);
    if (!isDragging && Math.abs(x - start) < DRAG) return;
    if (!isDragging) chart.setPointerCapture(event.pointerId);
    isDragging = true;
    dragged(start, x);
  });
  chart.addEventListener("pointerup", (event) => {
    const { wasDown, wasDragging } = end();
    if (wasDragging) ended();
    else if (wasDown) press(event);
  });
  chart.addEventListener("pointercancel", cancelled);
  // Escape while dragging: nothing was meant.
  chart.ownerDocument.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isDragging) return;
    event.stopPropagation();
    cancelled();
  }, true);

  return { cancel: end, isUnderWay: () => isDragging };
}
