/** What the dot under the pointer is: when, how long, how many. */

import { DOT_KINDS } from "../state/tables.js";
import { duration, moment, whole } from "../text/format.js";
import { byId, setText } from "./elements.js";
import { nearest } from "./scale.js";

/** @typedef {import("./timeline_picture.js").PlacedDot} PlacedDot */

/** Pixels from a dot that still are the dot. */
const REACH = 14;

/**
 * @param {object} dependencies
 * @param {HTMLElement} dependencies.chart
 * @param {() => PlacedDot[]} dependencies.placed
 * @param {() => number} dependencies.width  pixels
 * @param {() => boolean} dependencies.isDragging
 */
export function makeTimelineTip({ chart, placed, width, isDragging }) {
  const tip = byId("tip");

  /** @param {MouseEvent} event */
  function dotAt(event) {
    const box = chart.getBoundingClientRect();
    return nearest(placed(), event.clientX - box.left, event.clientY - box.top, REACH);
  }

  /** @param {PlacedDot} placed */
  function show({ x, y, dot: [at, ms, kind, count] }) {
    const many = count > 1 ? `${whole(count)} exchanges around ` : "";
    setText(tip, [`${many}${moment(at, Date.now())}`, duration(ms / 1000), DOT_KINDS[kind].label].filter(Boolean).join(", "));
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.min(Math.max(x, half), width() - half)}px`;
    tip.style.top = `${y}px`;
  }

  chart.addEventListener("pointermove", (event) => {
    const there = isDragging() ? undefined : dotAt(event);
    tip.hidden = !there;
    chart.classList.toggle("near", Boolean(there));
    if (there) show(there);
  });
  chart.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  return { dotAt };
}
