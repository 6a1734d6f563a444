/** The timeline: every exchange a dot, time across and duration upwards. Drag across it, or use its two handles, to look closer. */

import { prepareDialog } from "./dialogs.js";
import { byId, drawn, element, replace, say } from "./elements.js";
import { clock, counted, duration, minute, moment, short, span, whole } from "../text/format.js";
import { durationTicks, heightOf, nearest, tableOf, timeTicks, topOf } from "./scale.js";
import { makeSpanChooser } from "./span_chooser.js";

/** @typedef {import("./scale.js").Dot} Dot */

const [LEFT, RIGHT, TOP, BOTTOM] = [46, 10, 9, 18];
const KINDS = Object.freeze(["completed", "failed", "left"]);
const OTHER_MODELS = "model-other";
/** So many colours can be told apart, and the style sheet has so many; the other models share a grey. */
export const MODELS_COLOURED = 5;
/** @type {Map<string, number>} */
const colours = new Map();
const KIND_WORDS = Object.freeze(["", ", failed", ", the client left"]);
const REACH = 14;
/** With more dots than this a pixel of width they are drawn finer, as they would run into each other. */
const DENSE = 1.6;
const TABLE_ROWS = 24;
const LEAST_SPAN = 1_000;
const AROUND = 60_000;

/**
 * @typedef {object} Answer  of /timeline.json
 * @property {string} from
 * @property {string} to
 * @property {Dot[]} dots
 * @property {number} count
 * @property {number} failed
 * @property {number} [mean]
 * @property {number} [p50]
 * @property {number} [p95]
 * @property {number} tokens_in
 * @property {number} tokens_out
 * @property {number} truncated
 * @property {[string, number][]} [models]
 *
 * @typedef {{x: number, y: number, dot: Dot, colour: string}} Placed
 */

/**
 * @param {{choose: (from: number, to: number) => void, open: (number: number) => void}} dependencies
 *   `choose` a span of time in Unix milliseconds; `open` the exchange with this number
 */
export function makeTimeline({ choose, open }) {
  const chart = byId("chart");
  const picture = byId("picture");
  const tip = byId("tip");
  const table = byId("timeline-table");
  const dialog = byId("table-dialog");
  const legend = byId("legend");
  const trouble = element("div", { class: "no-chart", hidden: true });
  chart.after(trouble);
  /** @type {Answer | undefined} */
  let answer;
  /** Dots of one colour each, drawn in this order. @type {{colour: string, name: string, dots: Dot[]}[]} */
  let groups = [];
  let [from, to, longest] = [0, 1, 10];
  /** @type {Placed[]} */
  let placed = [];
  let isPlanned = false;
  /** What was to be shown while somebody was choosing a span: under the pointer nothing moves. @type {(() => void) | undefined} */
  let waiting;

  const width = () => Math.max(120, chart.clientWidth);
  const height = () => Math.max(40, chart.clientHeight);
  const xOf = (/** @type {number} */ ms) => LEFT + ((ms - from) / (to - from)) * (width() - LEFT - RIGHT);
  const yOf = (/** @type {number} */ ms) => height() - BOTTOM - heightOf(ms / 1000, longest) * (height() - TOP - BOTTOM);
  const momentAt = (/** @type {number} */ x) => from + (Math.min(Math.max(x - LEFT, 0), width() - LEFT - RIGHT) / (width() - LEFT - RIGHT)) * (to - from);

  const chooser = makeSpanChooser(chart, { momentAt, xOf, limits: () => [from, to], choose, press: openNearest, released: catchUp });

  function draw() {
    isPlanned = false;
    if (!answer || !chart.offsetParent) return;
    placed = groups.flatMap(({ colour, dots }) => dots.map((dot) => ({ x: xOf(dot[0]), y: yOf(dot[1]), dot, colour })));
    picture.setAttribute("viewBox", `0 0 ${width()} ${height()}`);
    picture.setAttribute("aria-label", inWords(answer));
    picture.classList.toggle("dense", placed.length > DENSE * width());
    replace(picture, ...grid(), ...clouds(placed));
    chooser.place();
  }

  function catchUp() {
    const now = waiting;
    waiting = undefined;
    now?.();
  }

  function plan() {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(draw);
  }

  function grid() {
    const lines = [];
    for (const seconds of durationTicks(longest)) {
      const y = yOf(seconds * 1000);
      lines.push(drawn("line", { x1: LEFT, x2: width() - RIGHT, y1: y, y2: y, class: "grid" }));
      lines.push(drawn("text", { x: LEFT - 8, y: y + 3.5, class: "end" }, `${seconds.toLocaleString("en")} s`));
    }
    const { ticks, step } = timeTicks(from, to, Math.max(2, Math.floor(width() / 110)));
    for (const at of ticks) {
      const x = xOf(at);
      if (x < LEFT + 14 || x > width() - RIGHT - 14) continue;
      lines.push(drawn("line", { x1: x, x2: x, y1: height() - BOTTOM, y2: height() - BOTTOM + 4, class: "grid" }));
      lines.push(drawn("text", { x, y: height() - 4, class: "middle" }, tickLabel(at, step)));
    }
    return lines;
  }

  /** @param {MouseEvent} event */
  function placeOf(event) {
    const box = chart.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  function openNearest(event) {
    const [x, y] = placeOf(event);
    const found = nearest(placed, x, y, REACH);
    if (found) open(found.dot[4]);
  }

  chart.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const [x, y] = placeOf(event);
    const found = chooser.isDragging ? undefined : nearest(placed, x, y, REACH);
    tip.hidden = !found;
    chart.classList.toggle("near", Boolean(found));
    if (!found) return;
    const [at, ms, kind, count] = found.dot;
    const many = count > 1 ? `${whole(count)} exchanges around ` : "";
    say(tip, `${many}${moment(at, Date.now())}, ${duration(ms / 1000)}${KIND_WORDS[kind]}`);
    tip.style.left = `${Math.min(Math.max(found.x, tip.offsetWidth / 2), width() - tip.offsetWidth / 2)}px`;
    tip.style.top = `${found.y}px`;
  });
  chart.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  byId("timeline-as-table").addEventListener("click", () => {
    dialog.showModal();
    tabulate();
  });
  prepareDialog(dialog);
  new ResizeObserver(plan).observe(chart);

  function tabulate() {
    if (answer && dialog.open) replace(table, ...rows(answer));
  }

  /** @param {Answer} said */
  function rows(said) {
    const head = ["Ended", "Exchanges", "Failed", "Median", "Longest"].map((name) => element("th", { scope: "col" }, name));
    const body = tableOf(said.dots, from, to, TABLE_ROWS).filter((row) => row.count).map((row) => element(
      "tr", {}, element("th", { scope: "row" }, span(row.from, row.to, Date.now())),
      ...[whole(row.count), whole(row.failed), duration(row.median), duration(row.longest)].map((cell) => element("td", {}, cell)),
    ));
    return [
      element("caption", {}, inWords(said)), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body),
    ];
  }

  /**
   * @param {Answer} said
   * @param {{name: string, dots: Dot[]}[]} [models]
   */
  function show(said, models) {
    if (chooser.isDragging) {
      waiting = () => show(said, models);
      return;
    }
    answer = said;
    [from, to] = [Date.parse(said.from), Date.parse(said.to)];
    // All of one search may be one moment: without some time around it there is nothing to read off.
    if (!(to - from >= LEAST_SPAN)) [from, to] = said.dots.length ? [from - AROUND, to + AROUND] : [to - 3_600_000, to];
    longest = topOf(said.dots.reduce((most, dot) => Math.max(most, dot[1]), 0) / 1000);
    groups = models ? groupsOfModels(said.dots, models) : groupsOfKinds(said.dots);
    replace(legend, ...groups.filter(({ dots }) => models && dots.length).map(({ colour, name }) => element("li", { class: colour }, name)));
    chart.classList.remove("stale");
    chart.hidden = false;
    trouble.hidden = true;
    tabulate();
    plan();
  }

  return {
    /** With the dots in these groups of models, to colour them by, or without. */
    show,
    /**
     * One that just ended; the numbers follow when the recorder is asked again.
     * @param {import("../state/summary.js").Summary} entry
     */
    add(entry) {
      if (!answer) return;
      const kind = entry.outcome === "client_left" ? 2 : entry.failed ? 1 : 0;
      const group = groups.find(({ colour, name }) => colour === KINDS[kind] || name === entry.model) ?? groups[0];
      group.dots.push([entry.ended, (entry.request_time ?? 0) * 1000, kind, 1, entry.number]);
      longest = Math.max(longest, topOf(entry.request_time ?? 0));
      if (!chooser.isDragging) to = Math.max(to, entry.ended);
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

/** What failed is drawn last: it must not hide beneath what went well. @param {Dot[]} dots */
function groupsOfKinds(dots) {
  return KINDS.map((colour, kind) => ({ colour, name: "", dots: dots.filter((dot) => dot[2] === kind) }));
}

/**
 * @param {Dot[]} dots  of all models
 * @param {{name: string, dots: Dot[]}[]} models  the most frequent ones
 */
function groupsOfModels(dots, models) {
  // A dot of all models is named after the newest in it: those that no model of ours claims are of the others.
  const claimed = new Set(models.flatMap((model) => model.dots.map((dot) => dot[4])));
  const others = { colour: OTHER_MODELS, name: "others", dots: dots.filter((dot) => !claimed.has(dot[4])) };
  giveColours(models.map(({ name }) => name));
  return [others, ...models.map(({ name, dots: own }) => ({ colour: `model-${colours.get(name)}`, name, dots: own }))];
}

/**
 * A model keeps its colour while one looks around; a new one takes the first that nobody here has.
 * @param {string[]} names  at most MODELS_COLOURED
 */
function giveColours(names) {
  const taken = new Set(names.map((name) => colours.get(name)));
  for (const name of names.filter((one) => !colours.has(one))) {
    let free = 0;
    while (taken.has(free)) free += 1;
    for (const [other, colour] of colours) if (colour === free) colours.delete(other);
    colours.set(name, free);
    taken.add(free);
  }
}

/**
 * Dots of one colour and size are one path: ten thousand of them cost a handful of elements.
 * @param {Placed[]} placed
 */
function clouds(placed) {
  /** @type {Map<string, string[]>} */
  const clouds = new Map();
  for (const { x, y, dot, colour } of placed) {
    const key = `dots ${colour} ${dot[3] > 20 ? "many" : dot[3] > 3 ? "some" : "one"}`;
    const move = `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
    const moves = clouds.get(key);
    if (moves) moves.push(move);
    else clouds.set(key, [move]);
  }
  return [...clouds].map(([key, moves]) => drawn("path", { class: key, d: moves.join("") }));
}

/**
 * @param {number} at
 * @param {number} step  milliseconds between two labels
 */
function tickLabel(at, step) {
  const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  if (step >= 864e5 || (midnight && step >= 36e5)) return new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return step < 6e4 ? clock(at) : minute(at);
}

/** @param {Answer} said */
function inWords(said) {
  const when = span(Date.parse(said.from), Date.parse(said.to), Date.now());
  if (!said.count) return `No exchange, ${when}`;
  const half = `half of them within ${duration(said.p50)}, 95 of 100 within ${duration(said.p95)}`;
  return `${counted(said.count, "exchange")}, ${when}: ${half}, ${short(said.failed)} failed`;
}
