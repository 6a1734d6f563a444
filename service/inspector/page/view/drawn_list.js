/** What of the list is drawn: the rows in sight and a few more, and the headings of their days, each in its place. */

import { makeRowPlaces } from "../state/row_places.js";
import { makeDayHeadings } from "./day_headings.js";
import { makeDrawnRows } from "./drawn_rows.js";

/** Rows kept ready above and below those in sight. */
const READY = 8;

/**
 * @param {HTMLElement} box
 * @param {HTMLElement} scroller
 */
export function makeDrawnList(box, scroller) {
  const places = makeRowPlaces();
  const rows = makeDrawnRows(box);
  const headings = makeDayHeadings(box, places);

  return {
    places,
    height: rows.height,
    mark: rows.mark,
    tick: rows.tick,
    measure() {
      rows.measure();
      places.measure(rows.height(), headings.height());
      rows.clear();
    },
    /**
     * @param {import("../state/feed.js").Feed} feed
     * @param {number} now  Unix milliseconds
     */
    arrange(feed, now) {
      places.arrange(feed.countInFlight(), feed.allEnded(), now);
      box.style.height = `${places.height()}px`;
    },
    /**
     * @param {import("../state/feed.js").Feed} feed
     * @param {import("./drawn_rows.js").Drawing} drawing
     * @returns {number} the row behind the last one that is drawn
     */
    draw(feed, drawing) {
      const top = scroller.scrollTop;
      const first = Math.max(0, places.at(top) - READY);
      const last = Math.min(feed.count(), places.at(top + scroller.clientHeight) + 1 + READY);
      rows.keepOnly(first, last);
      for (let index = first; index < last; index++) rows.draw(index, places.top(index), feed, drawing);
      headings.draw(first, last, feed, drawing.now);
      return last;
    },
  };
}
