/** The list: only the rows in sight are elements, so a hundred thousand exchanges scroll like ten. */

import { recordersNow } from "../state/clock.js";
import { byId, element, replace, say } from "./elements.js";
import { whole } from "../text/format.js";
import { makeRow } from "./row.js";

/** Rows kept ready above and below those in sight. */
const READY = 8;
/** Older pages are asked for when so many rows are left below. */
const AHEAD = 150;
const TICK = 200;

/**
 * @typedef {ReturnType<typeof import("../state/feed.js").makeFeed>} Lately
 * @typedef {object} Dependencies
 * @property {(id: string, how: {replace?: boolean, focus?: boolean}) => void} open
 * @property {() => HTMLElement} whenEmpty  what stands in place of the rows when there are none
 * @property {(trouble: import("../state/api.js").Refusal) => HTMLElement} whenTroubled
 */

/** @param {Dependencies} dependencies */
export function makeList({ open, whenEmpty, whenTroubled }) {
  const scroller = byId("scroller");
  const box = byId("list");
  const foot = byId("foot");
  const fresh = byId("fresh");
  const awaited = byId("awaited");
  /** @type {Lately} */
  let feed;
  /** @type {Map<number, {row: import("./row.js").Row, entry: any}>} */
  const drawn = new Map();
  /** @type {import("./row.js").Row[]} */
  const spare = [];
  let rowHeight = 0;
  let width = 0;
  let measure = { full: 10, slow: 30 };
  let selected = "";
  let unseen = 0;
  /** Where it was scrolled to when it was last in sight, and how many rows came above since. */
  let [top, above] = [0, 0];
  /** @type {(() => void) | undefined} */
  let renew;
  let isPlanned = false;
  let isStale = false;

  function measureRow() {
    const probe = makeRow().root;
    box.append(probe);
    rowHeight = probe.offsetHeight || 64;
    probe.remove();
  }

  function plan() {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      draw();
    });
  }

  function draw() {
    if (!feed || !scroller.offsetParent) return;
    const count = feed.count();
    box.style.height = `${count * rowHeight}px`;
    if (above) makeWay();
    top = scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / rowHeight) - READY);
    const last = Math.min(count, Math.ceil((top + scroller.clientHeight) / rowHeight) + READY);
    for (const [index, { row }] of drawn) {
      if (index >= first && index < last) continue;
      drawn.delete(index);
      row.root.remove();
      spare.push(row);
    }
    const now = recordersNow();
    for (let index = first; index < last; index++) drawRow(index, count, now);
    isStale = false;
    mark();
    drawFoot(count);
    if (count - last < AHEAD) void feed.more();
    if (isAtTop()) unseen = 0;
    fresh.hidden = unseen === 0 && !renew;
    if (!fresh.hidden) say(fresh, renew ? "↑ newer ones" : `↑ ${whole(unseen)} new`);
    if (isAtTop() && renew) renew();
    drawAwaited(feed.awaited());
  }

  /** @param {number} count */
  function drawAwaited(count) {
    awaited.hidden = count === 0;
    say(awaited, count === 1 ? "One more is in flight: whether it belongs here is known when it has ended." : `${whole(count)} more are in flight: whether they belong here is known when they have ended.`);
  }

  const isAtTop = () => (scroller.offsetParent ? scroller.scrollTop : top) < rowHeight / 2;

  /** Whoever reads further down goes on reading the same row. */
  function makeWay() {
    box.style.height = `${feed.count() * rowHeight}px`;
    scroller.scrollTop += above * rowHeight;
    unseen = Math.max(0, unseen + above);
    above = 0;
  }

  /**
   * @param {number} index
   * @param {number} count
   * @param {number} now
   */
  function drawRow(index, count, now) {
    const entry = feed.at(index);
    let there = drawn.get(index);
    if (!there) {
      const row = spare.pop() ?? makeRow();
      there = { row, entry: undefined };
      drawn.set(index, there);
      row.root.style.transform = `translateY(${index * rowHeight}px)`;
      row.root.dataset.index = String(index);
      row.root.setAttribute("aria-posinset", String(index + 1));
      box.append(row.root);
    }
    there.row.root.setAttribute("aria-setsize", String(feed.hasMore() ? -1 : count));
    if (there.entry !== entry || entry.isOpen || isStale) there.row.fill(entry, now, measure);
    if (there.entry !== entry) there.row.root.id = `row-${entry.exchange}`;
    there.entry = entry;
  }

  function mark() {
    let active = "";
    for (const { row, entry } of drawn.values()) {
      const isSelected = entry.exchange === selected;
      row.root.setAttribute("aria-selected", String(isSelected));
      if (isSelected) active = row.root.id;
    }
    if (active) box.setAttribute("aria-activedescendant", active);
    else box.removeAttribute("aria-activedescendant");
  }

  /** @param {number} count */
  function drawFoot(count) {
    foot.classList.toggle("empty", count === 0);
    box.hidden = count === 0;
    const trouble = feed.trouble();
    if (trouble) {
      keep(`trouble ${trouble.message}`, () => [whenTroubled(trouble)]);
    } else if (feed.isLoading()) {
      keep(`loading${count > 0}`, () => (count ? ["Looking for older exchanges …"] : skeletons()));
    } else if (count === 0) {
      keep("empty", () => [whenEmpty()]);
    } else if (feed.isFull()) {
      keep("full", () => ["Older ones are found with the filters, or by choosing a time above."]);
    } else if (feed.hasMore()) {
      keep("more", () => ["Older exchanges follow as you scroll."]);
    } else {
      const n = count - feed.countInFlight();
      keep(`end${n}`, () => [n === 1 ? "That is the only exchange here." : `That is all: ${whole(n)} exchanges.`]);
    }
  }

  /**
   * Draws the foot again only when it says something else.
   * @param {string} what
   * @param {() => (string | HTMLElement)[]} make
   */
  function keep(what, make) {
    if (foot.dataset.what === what) return;
    foot.dataset.what = what;
    replace(foot, ...make());
  }

  /** @param {number} index */
  function reveal(index) {
    const [top, bottom] = [index * rowHeight, (index + 1) * rowHeight];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
  }

  box.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    const row = /** @type {HTMLElement} */ (event.target).closest(".row");
    const entry = row instanceof HTMLElement && feed.at(Number(row.dataset.index));
    if (entry) open(entry.exchange, {});
  });
  scroller.addEventListener("scroll", plan, { passive: true });
  fresh.addEventListener("click", () => {
    scroller.scrollTop = 0;
    plan();
  });
  new ResizeObserver(() => {
    plan();
    // Another height shows more or fewer of them, and leaves them as they are.
    if (scroller.clientWidth === width) return;
    width = scroller.clientWidth;
    measureRow();
    for (const { row } of drawn.values()) row.root.remove();
    drawn.clear();
  }).observe(scroller);
  setInterval(() => {
    if (!document.hidden) for (const { row } of drawn.values()) row.tick(recordersNow());
  }, TICK);

  /** Grey rows while the first page is under way: what comes has their shape. */
  function skeletons() {
    const rows = [72, 58, 83, 64, 76, 51].map((percent) => {
      const line = element("span", { class: "bone" });
      line.style.width = `${percent}%`;
      return element("div", { class: "row bones", "aria-hidden": "true" }, element("span", { class: "bone short" }), line, element("span", { class: "bone" }));
    });
    return [element("p", { class: "unseen" }, "Loading …"), ...rows];
  }

  return {
    /** @param {Lately} data */
    show(data) {
      feed = data;
      scroller.scrollTop = 0;
      unseen = 0;
      renew = undefined;
      foot.dataset.what = "";
    },
    /**
     * What is here is no longer the newest. At the top it is asked for again; whoever reads further down is offered it.
     * @param {() => void} again  shows the list anew
     */
    outdated(again) {
      renew = again;
      plan();
    },
    /** @param {{prepended?: number, reset?: boolean}} what */
    changed({ prepended = 0, reset = false }) {
      if (reset) scroller.scrollTop = top = above = 0;
      if (prepended && !isAtTop()) above += prepended;
      if (above && scroller.offsetParent) makeWay();
      plan();
    },
    isAtTop,
    /** @param {string} id */
    select(id) {
      if (id === selected) return;
      selected = id;
      const index = id ? feed.indexOf(id) : -1;
      if (index >= 0 && rowHeight) reveal(index);
      plan();
    },
    /** @param {import("./row.js").Measure} wanted */
    setMeasure(wanted) {
      if (wanted.full === measure.full && wanted.slow === measure.slow) return;
      measure = wanted;
      isStale = true;
      plan();
    },
    /**
     * Selects the row `by` further down, or the first.
     * @param {number} by
     */
    move(by) {
      if (!feed.count()) return;
      const index = selected ? feed.indexOf(selected) : -1;
      const target = index < 0 ? 0 : Math.min(feed.count() - 1, Math.max(0, index + by));
      reveal(target);
      open(feed.at(target).exchange, { replace: index >= 0 });
    },
    rowsInSight: () => Math.max(1, Math.floor(scroller.clientHeight / rowHeight) - 1),
    focus: () => box.focus({ preventScroll: true }),
  };
}
