/** Which row of the list is selected, and moving that up and down. */

/**
 * @typedef {object} Dependencies
 * @property {HTMLElement} scroller
 * @property {() => number} height  of a row, in pixels; 0 where nothing was measured
 * @property {import("../state/row_places.js").RowPlaces} places
 * @property {() => import("../state/feed.js").Feed} feed
 * @property {(id: string, how: {replace?: boolean}) => void} open
 * @property {() => void} changed
 */

/** @param {Dependencies} dependencies */
export function makeListSelection({ scroller, height, places, feed, open, changed }) {
  let selected = "";
  let against = "";

  /**
   * Scrolls as little as brings a row into sight.
   * @param {number} index
   */
  function reveal(index) {
    const [top, bottom] = [places.outerTop(index), places.top(index) + height()];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
  }

  return {
    /** The id of an exchange, or "". */
    selected: () => selected,
    /** The id of the exchange that others are compared with, or "". */
    against: () => against,
    /**
     * @param {string} id  "" for none
     * @param {string} marked  what others are compared with, "" for none
     */
    select(id, marked) {
      if (marked !== against) changed();
      against = marked;
      if (id === selected) return;
      selected = id;
      const index = id ? feed().indexOf(id) : -1;
      if (index >= 0 && height()) reveal(index);
      changed();
    },
    /**
     * Selects the row `by` further down, or the first.
     * @param {number} by
     */
    move(by) {
      const count = feed().count();
      if (!count) return;
      const index = selected ? feed().indexOf(selected) : -1;
      const target = index < 0 ? 0 : Math.min(count - 1, Math.max(0, index + by));
      reveal(target);
      const exchange = feed().at(target);
      if (exchange) open(exchange.exchange, { replace: index >= 0 });
    },
    rowsInSight: () => Math.max(1, Math.floor(scroller.clientHeight / height()) - 1),
  };
}
