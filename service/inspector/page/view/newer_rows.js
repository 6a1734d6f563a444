/** The button above the list for whoever reads further down: how many rows came above, or that there are newer ones. */

import { whole } from "../text/format.js";
import { byId, setText } from "./elements.js";

/** @param {() => void} toTop  when it is pressed */
export function makeNewerRows(toTop) {
  const fresh = byId("fresh");
  let unseen = 0;
  /** Shows the list anew. @type {(() => void) | undefined} */
  let renew;

  fresh.addEventListener("click", toTop);
  return {
    /** @param {number} count  of rows that came above, or went there */
    add(count) {
      unseen = Math.max(0, unseen + count);
    },
    /** @param {() => void} again  what is here is no longer the newest */
    offer(again) {
      renew = again;
    },
    forget() {
      unseen = 0;
      renew = undefined;
    },
    /** @param {boolean} isAtTop  there what is newer is shown without asking */
    draw(isAtTop) {
      if (isAtTop) unseen = 0;
      fresh.hidden = unseen === 0 && !renew;
      if (!fresh.hidden) setText(fresh, renew ? "↑ newer ones" : `↑ ${whole(unseen)} new`);
      if (isAtTop && renew) renew();
    },
  };
}
