/** What an exchange repeats, what repeats it, and both side by side. */

import { askForExchange } from "../state/exchange_detail.js";
import { comparisonPart } from "./comparison.js";
import { button, element } from "./elements.js";

/** @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail */

/**
 * @param {ExchangeDetail} detail
 * @param {import("./link.js").Link} link
 */
export function relativesPart(detail, link) {
  const { replay_of: earlier, replays = [] } = detail;
  if (!earlier && !replays.length) return null;
  const links = replays.flatMap((id, index) => [
    index ? ", " : "", link({ show: id }, replays.length > 1 ? `once more (${index + 1})` : "once"),
  ]);
  return element(
    "p", { class: "relatives" },
    earlier ? link({ show: earlier }, "Repeats an earlier exchange") : null,
    earlier ? compareButton(earlier, detail) : null,
    links.length ? element("span", {}, "Repeated ", ...links) : null,
  );
}

/**
 * @param {string} earlier  the id of what is repeated
 * @param {ExchangeDetail} detail
 */
function compareButton(earlier, detail) {
  const comparing = button("Compare", () => void compare());
  return comparing;

  async function compare() {
    try {
      const before = await askForExchange(earlier);
      comparing.closest("p")?.after(comparisonPart(before, detail));
      comparing.remove();
    } catch (error) {
      comparing.replaceWith(element("span", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }
}
