/**
 * The timeline: every exchange a dot, time across and duration upwards; of very many, bars of how many there were and how
 * many failed. Drag across it, or use its handles, to look closer.
 */

import { counted, duration, short, span } from "../text/format.js";
import { groupByKind, groupByModel, groupOf } from "./dot_groups.js";
import { byId, element, oncePerFrame, replace, setText, typedById } from "./elements.js";
import { topOf } from "./scale.js";
import { makeSpanChooser } from "./span_chooser.js";
import { barParts, barsOf, countLines } from "./timeline_bars.js";
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
/** From so many exchanges on dots hide each other: a few failures among them look like half. */
const MANY = 3_000;
const HOUR = 3_600_000;

/**
 * @param {object} dependencies
 * @param {(from: number, to: number) => void} dependencies.choose  a span of time in Unix milliseconds
 * @param {(dot: import("../state/dots.js").Dot) => void} dependencies.open  the exchange of this dot
 * @param {() => string} dependencies.kind  "dots", "bars", or "": as suits how many there are
 * @param {(kind: "dots" | "bars") => void} dependencies.setKind
 */
export function makeTimeline({ choose, open, kind, setKind }) {
  const [chart, legend] = [byId("chart"), byId("legend")];
  const picture = typedById("picture", SVGElement);
  const trouble = makeTrouble(chart);
  /** @type {TimelineAnswer | undefined} */
  let answer;
  /** @type {DotGroup[]} */
  let groups = [];
  /** @type {import("./timeline_picture.js").PlacedDot[]} */
  let placed = [];
  /** @type {import("./timeline_bars.js").Bar[]} */
  let bars = [];
  /** What was to be shown while somebody was choosing a span: under the pointer nothing moves. @type {(() => void) | undefined} */
  let waiting;

  const scale = makeTimelineScale(chart);
  const chooser = makeSpanChooser(chart, { ...scale, choose, press: openNearest, released: catchUp });
  const tip = makeTimelineTip({ chart, placed: () => placed, bars: () => bars, width: scale.width, isDragging: chooser.isDragging });
  const table = makeTimelineTable(() => answer && { dots: answer.dots, limits: scale.limits(), caption: describeTimeline(answer) });
  const chosen = makeChoice({ kind, setKind, areMany: () => groups.every(({ name }) => name === "") && (answer?.count ?? 0) > MANY });
  const plan = oncePerFrame(draw);
  new ResizeObserver(plan).observe(chart);

  function draw() {
    if (!answer || !chart.offsetParent) return;
    const isBars = chosen.areBars();
    setText(byId("chart-kind"), isBars ? "as dots" : "as bars");
    placed = isBars ? [] : groups.flatMap(({ colour, dots }) => dots.map((dot) => ({ x: scale.xOf(dot[0]), y: scale.yOf(dot[1]), dot, colour })));
    picture.setAttribute("viewBox", `0 0 ${scale.width()} ${scale.height()}`);
    picture.setAttribute("aria-label", describeTimeline(answer));
    picture.classList.toggle("dense", placed.length > DENSE * scale.width());
    bars = isBars ? barsOf(groups.flatMap(({ dots }) => dots), scale) : [];
    replace(picture, ...gridParts(scale, isBars ? countLines(bars, scale) : undefined), ...cloudParts(placed), ...barParts(bars, scale));
    chooser.place();
  }

  function catchUp() {
    const show = waiting;
    waiting = undefined;
    show?.();
  }

  /** @param {PointerEvent} event */
  function openNearest(event) {
    const bar = tip.barAt(event);
    if (bar) return choose(bar.from, bar.to);
    const there = tip.dotAt(event);
    if (there) open(there.dot);
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
    trouble.end();
    table.draw();
    plan();
  }

  return {
    show,
    redraw: plan,
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
    fail: trouble.show,
  };
}

/**
 * Dots or bars. Whoever colours by model wants to see the dots.
 * @param {object} dependencies
 * @param {() => string} dependencies.kind
 * @param {(kind: "dots" | "bars") => void} dependencies.setKind
 * @param {() => boolean} dependencies.areMany  so many of one colour that bars tell more
 */
function makeChoice({ kind, setKind, areMany }) {
  const areBars = () => (kind() ? kind() === "bars" : areMany());
  byId("chart-kind").addEventListener("click", () => setKind(areBars() ? "dots" : "bars"));
  return { areBars };
}

/** @param {HTMLElement} chart */
function makeTrouble(chart) {
  const place = element("div", { class: "no-chart", hidden: true });
  chart.after(place);
  return {
    /**
     * Stands in the picture's place until that is shown again.
     * @param {string} sentence
     * @param {() => void} again
     */
    show(sentence, again) {
      replace(place, element("p", {}, sentence), element("button", { type: "button", onclick: again }, "Try again"));
      chart.hidden = true;
      place.hidden = false;
    },
    end() {
      chart.hidden = false;
      place.hidden = true;
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
