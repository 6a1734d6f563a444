/** The headings of the days in the list: those that are in sight are elements. */

import { dayHeading } from "../text/format.js";
import { element } from "./elements.js";

/** Pixels, where a heading cannot be measured. */
const USUAL_HEIGHT = 26;

/**
 * @param {HTMLElement} box
 * @param {import("../state/row_places.js").RowPlaces} places
 */
export function makeDayHeadings(box, places) {
  /** @type {HTMLElement[]} */
  let drawn = [];

  /**
   * For the eye: each row tells its day itself.
   * @param {string} text
   */
  function add(text) {
    const heading = element("div", { class: "day", "aria-hidden": "true" }, text);
    box.append(heading);
    return heading;
  }

  return {
    /** @returns {number} the pixels that one takes */
    height() {
      const probe = add("");
      const height = probe.offsetHeight || USUAL_HEIGHT;
      probe.remove();
      return height;
    },
    /**
     * Of the days that begin among the rows from `first` on and before `last`.
     * @param {number} first
     * @param {number} last
     * @param {import("../state/feed.js").Feed} feed
     * @param {number} now  Unix milliseconds
     */
    draw(first, last, feed, now) {
      for (const heading of drawn) heading.remove();
      drawn = [];
      for (let index = first; index < last; index++) {
        const exchange = places.hasHeading(index) && feed.at(index);
        if (!exchange) continue;
        const heading = add(dayHeading(exchange.ended, now));
        heading.style.transform = `translateY(${places.outerTop(index)}px)`;
        drawn.push(heading);
      }
    },
  };
}
