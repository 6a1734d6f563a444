/** Any two exchanges compared: one is marked, and whichever is opened next is shown beside it. */

import { ask, isAborted, oneAtATime } from "../state/api.js";
import { askForExchange } from "../state/exchange_detail.js";
import { titleOf } from "../text/exchange_text.js";
import { comparisonPart } from "./comparison.js";
import { findingPart } from "./content.js";
import { button, element, replace } from "./elements.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 *
 * @typedef {object} Dependencies
 * @property {import("../state/address.js").Address} address
 * @property {(text: string) => void} announce
 * @property {import("./link.js").Link} link
 */

const MARKED = "Marked. Open another exchange: it is then compared with this one.";

/** @param {Dependencies} dependencies */
export function makeChosenComparison({ address, announce, link }) {
  const place = element("div", { class: "chosen" });
  const asking = oneAtATime();
  /** @type {{id: string, detail: ExchangeDetail} | undefined} */
  let open;
  const stop = () => address.go({ against: "" }, { replace: true });
  const toggling = button("Compare …", toggle, { "data-action": "compare", title: "With the exchange that is opened next" });

  function toggle() {
    if (!open) return;
    if (address.view.against) return stop();
    address.go({ against: open.id }, { replace: true });
    announce(MARKED);
  }

  async function draw() {
    const { against } = address.view;
    asking.stop();
    toggling.setAttribute("aria-pressed", String(against !== ""));
    replace(place);
    if (!against || !open) return;
    if (against === open.id) return replace(place, element("p", { class: "note" }, MARKED));
    try {
      await compare(against, open);
    } catch (error) {
      if (!isAborted(error)) replace(place, element("p", { class: "finding bad" }, /** @type {Error} */ (error).message), stopPart());
    }
  }

  /**
   * @param {string} against
   * @param {{id: string, detail: ExchangeDetail}} now
   */
  async function compare(against, now) {
    const signal = asking.next();
    const before = await askForExchange(against, signal);
    /** @type {{changes: import("../state/exchange_detail.js").ContentFinding[]}} */
    const { changes } = await ask(`/comparison.json?before=${encodeURIComponent(against)}&now=${now.id}`, { signal });
    replace(
      place, element("h3", {}, "Compared with ", link({ show: against }, titleOf(before.record))),
      ...changes.map(findingPart), changes.length ? null : element("p", { class: "quiet" }, "Both asked the same."),
      comparisonPart(before, now.detail), stopPart(),
    );
  }

  const stopPart = () => element("p", {}, button("Stop comparing", stop));

  return {
    place,
    toggling,
    /** The exchange that is open has another mark beside it. */
    update: () => void draw(),
    /**
     * @param {string} id
     * @param {ExchangeDetail} detail
     */
    open(id, detail) {
      open = { id, detail };
      void draw();
    },
    leave() {
      open = undefined;
      asking.stop();
    },
  };
}
