/** Choosing a span of time on the timeline: by dragging across it, or with two handles that arrow keys move. */

import { element, say } from "./elements.js";
import { moment, span } from "../text/format.js";

/** Pixels that a pointer must travel before it is a drag and not a click. */
const DRAG = 5;
const STEPS = 60;
const LARGE_STEPS = 6;

/**
 * @typedef {object} Scale
 * @property {(x: number) => number} momentAt  Unix milliseconds at a place in pixels
 * @property {(ms: number) => number} xOf
 * @property {() => [number, number]} limits  Unix milliseconds at both ends
 * @property {(from: number, to: number) => void} choose
 * @property {(event: PointerEvent) => void} press  a click that was no drag
 * @property {() => void} released  a drag is over, whatever came of it: until then the scale must stand still
 */

/**
 * @param {HTMLElement} chart
 * @param {Scale} scale
 */
export function makeSpanChooser(chart, { momentAt, xOf, limits, choose, press, released }) {
  const shade = element("div", { class: "shade", hidden: true });
  const label = element("div", { class: "tip", hidden: true });
  const handles = ["Begin of the span", "End of the span"].map((name, side) => element("div", {
    class: "handle", role: "slider", tabindex: "0", hidden: true, "aria-label": name, "aria-describedby": "span-keys",
    "aria-orientation": "horizontal", onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event, side),
    onfocus: () => place(), onblur: (/** @type {FocusEvent} */ event) => left(event),
  }));
  chart.append(shade, label, ...handles);

  /** @type {[number, number] | undefined} */
  let chosen;
  /** @type {number | undefined} */
  let start;
  let isDragging = false;

  /** Puts shade, label and handles where the chosen span is; the whole timeline when none is. */
  function place() {
    const ends = limits();
    const now = chosen ?? ends;
    handles.forEach((handle, side) => {
      handle.hidden = false;
      handle.style.left = `${xOf(now[side])}px`;
      handle.setAttribute("aria-valuemin", String(Math.round(side ? now[0] : ends[0])));
      handle.setAttribute("aria-valuemax", String(Math.round(side ? ends[1] : now[1])));
      handle.setAttribute("aria-valuenow", String(Math.round(now[side])));
      handle.setAttribute("aria-valuetext", moment(now[side], Date.now()));
    });
    shade.hidden = label.hidden = !chosen;
    if (!chosen) return;
    const [x1, x2] = [xOf(now[0]), xOf(now[1])];
    shade.style.left = `${x1}px`;
    shade.style.width = `${Math.max(1, x2 - x1)}px`;
    say(label, span(now[0], now[1], Date.now()));
    const half = label.offsetWidth / 2;
    label.style.left = `${Math.min(Math.max((x1 + x2) / 2, half), chart.clientWidth - half)}px`;
    label.style.top = "26px";
  }

  function apply() {
    const wanted = chosen;
    chosen = undefined;
    place();
    if (wanted && wanted[1] > wanted[0]) choose(...wanted);
  }

  function forget() {
    const wasDragging = isDragging;
    chosen = undefined;
    start = undefined;
    isDragging = false;
    if (wasDragging) released();
    place();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} side  0 the begin, 1 the end
   */
  function pressed(event, side) {
    const ends = limits();
    const step = (ends[1] - ends[0]) / STEPS;
    const steps = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -LARGE_STEPS, PageUp: LARGE_STEPS, Home: -STEPS, End: STEPS,
    })[event.key];
    if (event.key === "Enter" && chosen) apply();
    else if (event.key === "Escape" && chosen) forget();
    else if (steps !== undefined) {
      const moved = /** @type {[number, number]} */ ([...(chosen ?? ends)]);
      const [least, most] = side ? [moved[0] + step, ends[1]] : [ends[0], moved[1] - step];
      moved[side] = Math.min(Math.max(moved[side] + steps * step, least), most);
      chosen = moved;
      place();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {FocusEvent} event */
  function left(event) {
    if (!handles.includes(/** @type {HTMLElement} */ (event.relatedTarget)) && !isDragging) forget();
  }

  /** @param {PointerEvent} event */
  const xIn = (event) => event.clientX - chart.getBoundingClientRect().left;

  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = xIn(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (start === undefined) return;
    const x = xIn(event);
    if (!isDragging && Math.abs(x - start) < DRAG) return;
    if (!isDragging) chart.setPointerCapture(event.pointerId);
    isDragging = true;
    const [one, other] = [momentAt(start), momentAt(x)];
    chosen = one < other ? [one, other] : [other, one];
    place();
  });
  chart.addEventListener("pointerup", (event) => {
    const wasDragging = isDragging;
    const wasDown = start !== undefined;
    start = undefined;
    isDragging = false;
    if (wasDragging) {
      released();
      apply();
    } else if (wasDown) press(event);
  });
  chart.addEventListener("pointercancel", forget);
  // Escape while dragging: nothing was meant.
  chart.ownerDocument.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isDragging) return;
    event.stopPropagation();
    forget();
  }, true);

  return {
    place,
    get isDragging() {
      return isDragging;
    },
  };
}
