/** Whose exchanges are shown: this recorder's, or those of all that ship to the same Loki. */

import { knowsAllRecorders } from "../state/recorders.js";
import { byId, element, replace, within } from "./elements.js";

/** What the address has for each, and how it is called. */
const STORES = Object.freeze(/** @type {const} */ ([["", "this recorder"], ["loki", "all recorders"]]));

/** @param {import("../state/address.js").Address} address */
export function makeStoreSwitch(address) {
  const place = byId("stores");

  return {
    draw() {
      const { store } = address.view;
      place.hidden = !knowsAllRecorders() && !store;
      document.body.classList.toggle("all-recorders", store !== "");
      const hadFocus = place.contains(document.activeElement);
      replace(place, ...STORES.map(([name, label]) => element("button", {
        type: "button", "aria-pressed": String(name === store), onclick: () => address.go({ store: name, against: "", batch: "" }),
      }, label)));
      if (hadFocus) within(place, "[aria-pressed=true]")?.focus();
    },
  };
}
