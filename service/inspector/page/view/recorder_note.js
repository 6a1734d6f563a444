/** Of an exchange that comes from Loki: who recorded it, what its line lacks, and where all of it is. */

import { addressAt, isOwn } from "../state/recorders.js";
import { element } from "./elements.js";

const SHORTENED = Object.freeze(/** @type {const} */ ([["request", "request"], ["response", "answer"]]));

/**
 * @param {string} id
 * @param {import("../state/exchange_detail.js").ExchangeDetail} detail
 * @param {import("./link.js").Link} link
 * @returns {HTMLElement | null}
 */
export function recorderNote(id, detail, link) {
  const { store, instance = "" } = detail;
  if (!store) return null;
  const there = addressAt(instance, id);
  const shortened = SHORTENED.filter(([side]) => detail[side].is_shortened).map(([, name]) => name);
  return element(
    "p", { class: "note" }, "Recorded by ", element("b", {}, instance || "a recorder without a name"), ". This is its line in Loki, without the kept bytes. ",
    shortened.length ? `The ${shortened.join(" and the ")} ${shortened.length > 1 ? "are" : "is"} shortened in it. ` : "",
    isOwn(instance) ? link({ store: "" }, "Open it in this recorder")
      : there ? element("a", { href: there, target: "_blank", rel: "noopener noreferrer" }, `Open it at ${instance} ↗`)
        : "Its own page has the rest, and sends it again: PEERS does not say where that is.",
  );
}
