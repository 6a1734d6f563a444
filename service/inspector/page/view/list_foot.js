/** What stands below the rows: that more follows, that this is all, what went wrong, or why there are none. */

import { whole } from "../text/format.js";
import { byId, element, replace } from "./elements.js";

/**
 * @typedef {object} Placeholders
 * @property {() => HTMLElement} whenEmpty  what stands in place of the rows when there are none
 * @property {(trouble: import("../state/api.js").Refusal) => HTMLElement} whenTroubled
 */

/** Grey rows while the first page is under way: what comes has their shape. Percent of the width. */
const BONES = Object.freeze([72, 58, 83, 64, 76, 51]);

/** @param {Placeholders} placeholders */
export function makeListFoot({ whenEmpty, whenTroubled }) {
  const foot = byId("foot");

  /**
   * Draws the foot again only when it tells something else.
   * @param {string} what
   * @param {() => (string | HTMLElement)[]} make
   */
  function keep(what, make) {
    if (foot.dataset.what === what) return;
    foot.dataset.what = what;
    replace(foot, ...make());
  }

  return {
    /** @param {import("../state/feed.js").Feed} feed */
    draw(feed) {
      const [count, trouble] = [feed.count(), feed.trouble()];
      foot.classList.toggle("empty", count === 0);
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
    },
    /** The next one is drawn whatever it tells. */
    forget() {
      foot.dataset.what = "";
    },
  };
}

function skeletons() {
  const rows = BONES.map((percent) => {
    const line = element("span", { class: "bone" });
    line.style.width = `${percent}%`;
    const ends = [element("span", { class: "bone short" }), element("span", { class: "bone" })];
    return element("div", { class: "row bones", "aria-hidden": "true" }, ends[0], line, ends[1]);
  });
  return [element("p", { class: "unseen" }, "Loading …"), ...rows];
}
