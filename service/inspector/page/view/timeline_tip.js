/** What the dot or the bar under the pointer is: when, how long, how many. */

import { DOT_KINDS } from "../state/tables.js";
import { duration, moment, whole } from "../text/format.js";
import { byId, setText } from "./elements.js";
import { nearest } from "./scale.js";
import { barText } from "./timeline_bars.js";

/** @typedef {import("./timeline_picture.js").PlacedDot} PlacedDot */

/** Pixels from a dot that still are the dot. */
const REACH = 14;

/**
 * @param {object} dependencies
 * @param {HTMLElement} dependencies.chart
 * @param {() => PlacedDot[]} dependencies.placed
 * @param {() => import("./timeline_bars.js").Bar[]} dependencies.bars
 * @param {() => number} dependencies.width  pixels
 * @param {() => boolean} dependencies.isDragging
 */
export function makeTimelineTip({ chart, placed, bars, width, isDragging }) {
  const tip = byId("tip");

  /** @param {MouseEvent} event */
  function dotAt(event) {
    const box = chart.getBoundingClientRect();
    return nearest(placed(), event.clientX - box.left, event.clientY - box.top, REACH);
  }

  /** @param {MouseEvent} event */
  function barAt(event) {
    const x = event.clientX - chart.getBoundingClientRect().left;
    return bars().find((bar) => bar.count && x >= bar.x && x < bar.x + bar.width);
  }

  /** @param {PlacedDot} placed */
  function dotText({ dot: [at, ms, kind, count] }) {
    const many = count > 1 ? `${whole(count)} exchanges around ` : "";
    return [`${many}${moment(at, Date.now())}`, duration(ms / 1000), DOT_KINDS[kind].label].filter(Boolean).join(", ");
  }

  /** @param {string} text @param {number} x @param {number} y */
  function show(text, x, y) {
    setText(tip, text);
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.min(Math.max(x, half), width() - half)}px`;
    tip.style.top = `${y}px`;
  }

  chart.addEventListener("pointermove", (event) => {
    const dot = isDragging() ? undefined : dotAt(event);
    const bar = isDragging() ? undefined : barAt(event);
    tip.hidden = !dot && !bar;
    chart.classList.toggle("near", !tip.hidden);
    if (dot) show(dotText(dot), dot.x, dot.y);
    if (bar) show(barText(bar), bar.x + bar.width / 2, bar.top);
  });
  chart.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  return { dotAt, barAt };
}
