/** What shows a span of time on the timeline: a shade, a label, and a handle at each end. */

import { moment, span } from "../text/format.js";
import { element, setText } from "./elements.js";

/** Pixels from the top of the chart to the label. */
const LABEL_TOP = 26;

/**
 * @typedef {[number, number]} Span  Unix milliseconds
 *
 * @typedef {object} Listeners
 * @property {(event: KeyboardEvent, side: number) => void} pressed  a key, at the begin (0) or the end (1)
 * @property {() => void} focused
 * @property {(event: FocusEvent) => void} left
 */

/**
 * @param {HTMLElement} chart
 * @param {Listeners} listeners
 */
export function makeSpanMarks(chart, { pressed, focused, left }) {
  const shade = element("div", { class: "shade", hidden: true });
  const label = element("div", { class: "tip", hidden: true });
  const handles = ["Begin of the span", "End of the span"].map((name, side) => element("div", {
    class: "handle", role: "slider", tabindex: "0", hidden: true, "aria-label": name, "aria-describedby": "span-keys",
    "aria-orientation": "horizontal", onkeydown: (/** @type {KeyboardEvent} */ event) => pressed(event, side),
    onfocus: focused, onblur: left,
  }));
  chart.append(shade, label, ...handles);

  /**
   * @param {Span} now
   * @param {Span} limits
   * @param {(ms: number) => number} xOf
   */
  function placeHandles(now, limits, xOf) {
    handles.forEach((handle, side) => {
      handle.hidden = false;
      handle.style.left = `${xOf(now[side])}px`;
      handle.setAttribute("aria-valuemin", String(Math.round(side ? now[0] : limits[0])));
      handle.setAttribute("aria-valuemax", String(Math.round(side ? limits[1] : now[1])));
      handle.setAttribute("aria-valuenow", String(Math.round(now[side])));
      handle.setAttribute("aria-valuetext", moment(now[side], Date.now()));
    });
  }

  /**
   * @param {Span} chosen
   * @param {(ms: number) => number} xOf
   */
  function placeShade(chosen, xOf) {
    const [x1, x2] = [xOf(chosen[0]), xOf(chosen[1])];
    shade.style.left = `${x1}px`;
    shade.style.width = `${Math.max(1, x2 - x1)}px`;
    setText(label, span(chosen[0], chosen[1], Date.now()));
    const half = label.offsetWidth / 2;
    label.style.left = `${Math.min(Math.max((x1 + x2) / 2, half), chart.clientWidth - half)}px`;
    label.style.top = `${LABEL_TOP}px`;
  }

  return {
    /**
     * @param {Span | undefined} chosen  undefined: the handles stand at both ends of the timeline
     * @param {Span} limits
     * @param {(ms: number) => number} xOf
     */
    place(chosen, limits, xOf) {
      placeHandles(chosen ?? limits, limits, xOf);
      shade.hidden = label.hidden = !chosen;
      if (chosen) placeShade(chosen, xOf);
    },
    /** @param {EventTarget | null} target */
    isHandle: (target) => handles.some((handle) => handle === target),
  };
}
