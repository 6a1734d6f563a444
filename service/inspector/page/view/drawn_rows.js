/** The rows of the list that are elements: those in sight and a few more. They are used again as one scrolls. */

import { makeRow } from "./row.js";

/**
 * @typedef {import("../state/feed.js").Feed} Feed
 * @typedef {import("../state/summary.js").ListedExchange} ListedExchange
 * @typedef {{row: import("./row.js").Row, exchange: ListedExchange | undefined, top: number}} DrawnRow
 *
 * @typedef {object} Drawing
 * @property {number} now  Unix milliseconds, by the recorder's clock
 * @property {import("./row.js").Measure} measure
 * @property {import("../state/columns.js").Column[]} columns
 * @property {boolean} isStale  whether all rows are filled anew
 */

/** Pixels, where a row cannot be measured. */
const USUAL_HEIGHT = 64;

/** @param {HTMLElement} box */
export function makeDrawnRows(box) {
  /** @type {Map<number, DrawnRow>} */
  const drawn = new Map();
  /** @type {import("./row.js").Row[]} */
  const spare = [];
  let height = 0;

  /**
   * @param {number} index
   * @returns {DrawnRow}
   */
  function place(index) {
    const row = spare.pop() ?? makeRow();
    const there = { row, exchange: undefined, top: NaN };
    drawn.set(index, there);
    row.root.dataset.index = String(index);
    row.root.setAttribute("aria-posinset", String(index + 1));
    box.append(row.root);
    return there;
  }

  return {
    /** Pixels; 0 before the first row was measured. */
    height: () => height,
    measure() {
      const probe = makeRow().root;
      box.append(probe);
      height = probe.offsetHeight || USUAL_HEIGHT;
      probe.remove();
    },
    /**
     * Takes away the rows before `first`, and from `last` on.
     * @param {number} first
     * @param {number} last
     */
    keepOnly(first, last) {
      for (const [index, { row }] of drawn) {
        if (index >= first && index < last) continue;
        drawn.delete(index);
        row.root.remove();
        spare.push(row);
      }
    },
    /**
     * @param {number} index
     * @param {number} top  pixels
     * @param {Feed} feed
     * @param {Drawing} drawing
     */
    draw(index, top, feed, { now, measure, columns, isStale }) {
      const exchange = feed.at(index);
      if (!exchange) return;
      const there = drawn.get(index) ?? place(index);
      const { row } = there;
      if (there.top !== top) row.root.style.transform = `translateY(${top}px)`;
      there.top = top;
      row.root.setAttribute("aria-setsize", String(feed.hasMore() ? -1 : feed.count()));
      if (there.exchange !== exchange || exchange.isOpen || isStale) row.fill(exchange, now, measure, columns);
      if (there.exchange !== exchange) row.root.id = `row-${exchange.exchange}`;
      there.exchange = exchange;
    },
    /**
     * @param {string} selected  the id of an exchange, or ""
     * @param {string} against  that of the one that others are compared with, or ""
     */
    mark(selected, against) {
      let active = "";
      for (const { row, exchange } of drawn.values()) {
        const isSelected = exchange?.exchange === selected;
        row.root.setAttribute("aria-selected", String(isSelected));
        row.root.classList.toggle("against", exchange !== undefined && exchange.exchange === against);
        if (isSelected) active = row.root.id;
      }
      if (active) box.setAttribute("aria-activedescendant", active);
      else box.removeAttribute("aria-activedescendant");
    },
    /** @param {number} now  Unix milliseconds, by the recorder's clock */
    tick(now) {
      for (const { row } of drawn.values()) row.tick(now);
    },
    clear() {
      for (const { row } of drawn.values()) row.root.remove();
      drawn.clear();
    },
  };
}
