/** The timeline: every exchange a dot, time across and duration upwards. Drag across it, or use its handles, to look closer. */

import { counted, duration, short, span } from "../text/format.js";
import { groupByKind, groupByModel, groupOf } from "./dot_groups.js";
import { byId, element, oncePerFrame, replace, typedById } from "./elements.js";
import { topOf } from "./scale.js";
import { makeSpanChooser } from "./span_chooser.js";
import { cloudParts, gridParts } from "./timeline_picture.js";
import { makeTimelineScale } from "./timeline_scale.js";
import { makeTimelineTable } from "./timeline_table.js";
import { makeTimelineTip } from "./timeline_tip.js";

/**
 * @typedef {import("../state/timeline_data.js").TimelineAnswer} TimelineAnswer
 * @typedef {import("../state/timeline_data.js").ModelDots} ModelDots
 * @typedef {import("./dot_groups.js").DotGroup} DotGroup
 */

/** With more dots than this a pixel of width they are drawn finer, as they would run into each other. */
const DENSE = 1.6;
const LEAST_SPAN = 1_000;
const AROUND = 60_000;
const HOUR = 3_600_000;

/**
 * @param {{choose: (from: number, to: number) => void, open: (number: number) => void}} dependencies
 *   `choose` a span of time in Unix milliseconds; `open` the exchange with this number
 */
export function makeTimeline({ choose, open }) {
  const [chart, legend] = [byId("chart"), byId("legend")];
  const picture = typedById("picture", SVGElement);
  const trouble = element("div", { class: "no-chart", hidden: true });
  chart.after(trouble);
  /** @type {TimelineAnswer | undefined} */
  let answer;
  /** @type {DotGroup[]} */
  let groups = [];
  /** @type {import("./timeline_picture.js").PlacedDot[]} */
  let placed = [];
  /** What was to be shown while somebody was choosing a span: under the pointer nothing moves. @type {(() => void) | undefined} */
  let waiting;

  const scale = makeTimelineScale(chart);
  const chooser = makeSpanChooser(chart, { ...scale, choose, press: openNearest, released: catchUp });
  const tip = makeTimelineTip({ chart, placed: () => placed, width: scale.width, isDragging: chooser.isDragging });
  const table = makeTimelineTable(() => answer && { dots: answer.dots, limits: scale.limits(), caption: describeTimeline(answer) });
  const plan = oncePerFrame(draw);
  new ResizeObserver(plan).observe(chart);

  function draw() {
    if (!answer || !chart.offsetParent) return;
    placed = groups.flatMap(({ colour, dots }) => dots.map((dot) => ({ x: scale.xOf(dot[0]), y: scale.yOf(dot[1]), dot, colour })));
    picture.setAttribute("viewBox", `0 0 ${scale.width()} ${scale.height()}`);
    picture.setAttribute("aria-label", describeTimeline(answer));
    picture.classList.toggle("dense", placed.length > DENSE * scale.width());
    replace(picture, ...gridParts(scale), ...cloudParts(placed));
    chooser.place();
  }

  function catchUp() {
    const show = waiting;
    waiting = undefined;
    show?.();
  }

  /** @param {PointerEvent} event */
  function openNearest(event) {
    const there = tip.dotAt(event);
    if (there) open(there.dot[4]);
  }

  /**
   * With the dots in these groups of models, to colour them by, or without.
   * @param {TimelineAnswer} shown
   * @param {ModelDots[]} [models]
   */
  function show(shown, models) {
    if (chooser.isDragging()) {
      waiting = () => show(shown, models);
      return;
    }
    answer = shown;
    scale.set(limitsOf(shown), topOf(shown.dots.reduce((most, dot) => Math.max(most, dot[1]), 0) / 1000));
    groups = models ? groupByModel(shown.dots, models) : groupByKind(shown.dots);
    replace(legend, ...groups.filter(({ dots }) => models && dots.length).map(({ colour, name }) => element("li", { class: colour }, name)));
    chart.classList.remove("stale");
    chart.hidden = false;
    trouble.hidden = true;
    table.draw();
    plan();
  }

  return {
    show,
    /**
     * One that just ended; the totals follow when the recorder is asked again.
     * @param {import("../state/summary.js").Summary} summary
     */
    add(summary) {
      if (!answer) return;
      const [ended, took] = [Date.parse(summary.time), summary.request_time ?? 0];
      const { kind, group } = groupOf(groups, summary);
      group.dots.push([ended, took * 1000, kind, 1, summary.number]);
      const [from, to] = scale.limits();
      scale.set([from, chooser.isDragging() ? to : Math.max(to, ended)], Math.max(scale.longest(), topOf(took)));
      plan();
    },
    stale() {
      chart.classList.add("stale");
    },
    /**
     * Stands in its place until it is shown again.
     * @param {string} sentence
     * @param {() => void} again
     */
    fail(sentence, again) {
      replace(trouble, element("p", {}, sentence), element("button", { type: "button", onclick: again }, "Try again"));
      chart.hidden = true;
      trouble.hidden = false;
    },
  };
}

/**
 * The time that is drawn. All of one search may be one moment: without some time around it there is nothing to read off.
 * @param {TimelineAnswer} answer
 * @returns {[number, number]} Unix milliseconds
 */
function limitsOf({ from, to, dots }) {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  if (end - begin >= LEAST_SPAN) return [begin, end];
  return dots.length ? [begin - AROUND, end + AROUND] : [end - HOUR, end];
}

/** @param {TimelineAnswer} answer */
function describeTimeline({ from, to, count, p50, p95, failed }) {
  const when = span(Date.parse(from), Date.parse(to), Date.now());
  if (!count) return `No exchange, ${when}`;
  const half = `half of them within ${duration(p50)}, 95 of 100 within ${duration(p95)}`;
  return `${counted(count, "exchange")}, ${when}: ${half}, ${short(failed)} failed`;
}
