/** The list: only the rows in sight are elements, so a hundred thousand exchanges scroll like ten. */

import { recordersNow } from "../state/clock.js";
import { duration, moment, size, warningText, whole } from "../text/format.js";
import { makeDrawnList } from "./drawn_list.js";
import { byId, oncePerFrame, setText } from "./elements.js";
import { makeListFoot } from "./list_foot.js";
import { makeListSelection } from "./list_selection.js";
import { makeNewerRows } from "./newer_rows.js";

/** Older pages are asked for when so many rows are left below. */
const AHEAD = 150;
const TICK = 200;
const ONE_AWAITED = "One more is in flight: whether it belongs here is known when it has ended.";

/**
 * @typedef {import("../state/feed.js").Feed} Feed
 *
 * @typedef {object} Opening
 * @property {(id: string, how: {replace?: boolean}) => void} open
 * @property {(filter: Partial<import("../state/address.js").View>) => void} filter
 * @property {() => import("../state/columns.js").Column[]} columns
 */

/** @param {Opening & import("./list_foot.js").Placeholders} dependencies */
export function makeList({ open, filter, columns, ...placeholders }) {
  const [scroller, box] = [byId("scroller"), byId("list")];
  const rows = makeDrawnList(box, scroller);
  const { places } = rows;
  const foot = makeListFoot(placeholders);
  /** @type {Feed} */
  let feed;
  let measure = { full: 10, slow: 30 };
  /** Where it was scrolled to when it was last in sight, and how many rows came above since. */
  let [top, above] = [0, 0];
  let isStale = false;
  const plan = oncePerFrame(draw);
  const selection = makeListSelection({ scroller, height: rows.height, places, feed: () => feed, open, changed: plan });
  const newer = makeNewerRows(() => {
    scroller.scrollTop = 0;
    plan();
  });
  const isAtTop = () => (scroller.offsetParent ? scroller.scrollTop : top) < rows.height() / 2;

  function draw() {
    if (!feed || !scroller.offsetParent) return;
    const [count, now] = [feed.count(), recordersNow()];
    if (above) makeWay();
    else rows.arrange(feed, now);
    top = scroller.scrollTop;
    const last = rows.draw(feed, { now, measure, columns: columns(), isStale });
    isStale = false;
    rows.mark(selection.selected(), selection.against());
    box.hidden = count === 0;
    foot.draw(feed);
    if (count - last < AHEAD) void feed.more();
    newer.draw(isAtTop());
    drawAwaited(feed.awaited());
    drawScanned(feed.scanned());
  }

  /** Whoever reads further down goes on reading the same row. */
  function makeWay() {
    const before = places.top(0);
    rows.arrange(feed, recordersNow());
    scroller.scrollTop += places.top(above) - before;
    newer.add(above);
    above = 0;
  }

  listenToClicks(box, filter, (index) => {
    const exchange = feed.at(index);
    if (exchange) open(exchange.exchange, {});
  });
  scroller.addEventListener("scroll", plan, { passive: true });
  watchSize(scroller, plan, rows.measure);
  setInterval(() => document.hidden || rows.tick(recordersNow()), TICK);

  return {
    select: selection.select,
    move: selection.move,
    rowsInSight: selection.rowsInSight,
    focus: () => box.focus({ preventScroll: true }),
    /** @param {Feed} data */
    show(data) {
      feed = data;
      scroller.scrollTop = 0;
      newer.forget();
      foot.forget();
    },
    /**
     * What is here is no longer the newest. At the top it is asked for again; whoever reads further down is offered it.
     * @param {() => void} again  shows the list anew
     */
    outdated(again) {
      newer.offer(again);
      plan();
    },
    /** @param {import("../state/feed.js").Change} change */
    changed({ prepended = 0, reset = false }) {
      if (reset) scroller.scrollTop = top = above = 0;
      if (prepended && !isAtTop()) above += prepended;
      if (above && scroller.offsetParent) makeWay();
      plan();
    },
    isAtTop,
    redraw() {
      isStale = true;
      plan();
    },
    /** @param {import("./row.js").Measure} wanted */
    setMeasure(wanted) {
      if (wanted.full === measure.full && wanted.slow === measure.slow) return;
      measure = wanted;
      isStale = true;
      plan();
    },
  };
}

/**
 * A press on a name filters by it, and one beside the names opens the row.
 * @param {HTMLElement} box
 * @param {Opening["filter"]} filter
 * @param {(index: number) => void} open
 */
function listenToClicks(box, filter, open) {
  box.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const wanted = /** @type {HTMLElement | null} */ (target.closest("[data-filter]"))?.dataset.filter;
    const row = target.closest(".row");
    // A finger that means the row would mostly hit a name.
    if (wanted && window.matchMedia("(hover: hover)").matches) filter(JSON.parse(wanted));
    else if (row instanceof HTMLElement) open(Number(row.dataset.index));
  });
}

/**
 * How many in flight may come into this view when they end.
 * @param {number} count
 */
function drawAwaited(count) {
  const awaited = byId("awaited");
  awaited.hidden = count === 0;
  setText(awaited, count === 1 ? ONE_AWAITED : `${whole(count)} more are in flight: whether they belong here is known when they have ended.`);
}

/**
 * What it cost to look through the lines of all recorders.
 * @param {import("../state/shared_list.js").Scanned | undefined} scanned
 */
function drawScanned(scanned) {
  const place = byId("scanned");
  place.hidden = scanned === undefined;
  if (!scanned) return;
  const since = moment(Date.parse(scanned.from), recordersNow());
  const cost = `All recorders: Loki looked through ${size(scanned.bytes)}, back to ${since}, in ${duration(scanned.seconds)}.`;
  setText(place, [cost, warningText(scanned)].filter(Boolean).join(" "));
}

/**
 * Another height shows more or fewer rows, and leaves them as they are.
 * @param {HTMLElement} scroller
 * @param {() => void} resized
 * @param {() => void} widthChanged
 */
function watchSize(scroller, resized, widthChanged) {
  let width = 0;
  new ResizeObserver(() => {
    resized();
    if (scroller.clientWidth === width) return;
    width = scroller.clientWidth;
    widthChanged();
  }).observe(scroller);
}
