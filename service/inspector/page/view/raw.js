/** An exchange as it was kept: the bytes of both bodies, and its record. */

import { send } from "../state/api.js";
import { size } from "../text/format.js";
import { foldedPart } from "./details.js";
import { element, replace } from "./elements.js";
import { textPart } from "./text_block.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 * @typedef {import("../state/exchange_detail.js").KeptBody} KeptBody
 */

/** What of a kept body is shown on the page; all of it can be saved. */
const SHOWN_BYTES = 200_000;

/**
 * @param {string} id
 * @param {ExchangeDetail} detail
 */
export function rawPart(id, detail) {
  const record = element("pre", { tabindex: "0", "aria-label": "The record" }, JSON.stringify(detail.record, null, 2));
  const folded = element("details", { class: "tool" }, element("summary", {}, "The record"), record);
  // Another recorder's: its own page has the bodies.
  if (detail.store) return foldedPart("Raw", false, folded);
  return foldedPart(
    "Raw", false, bodyPart(id, "request", "Request", detail.request), bodyPart(id, "response", "Answer", detail.response),
    folded,
  );
}

/**
 * @param {string} id
 * @param {"request" | "response"} which
 * @param {string} title
 * @param {KeptBody | undefined} body
 */
function bodyPart(id, which, title, body) {
  if (!body?.kept) {
    return element("p", { class: "quiet" }, body?.bytes ? `${title}: ${size(body.bytes)}, of which nothing was kept.` : `${title}: no body.`);
  }
  const path = `/exchanges/${id}/${which}`;
  const place = element("div", { class: "body" });
  const about = body.is_shortened ? `${size(body.kept)} of ${size(body.bytes)}` : size(body.bytes);
  const saving = element("a", { href: path, download: `${id}-${which}` }, "Save as it was kept");
  const fold = element("details", { class: "tool" }, element("summary", {}, `${title} (${about})`), element("p", {}, saving), place);
  fold.addEventListener("toggle", () => {
    if (fold.open && !place.firstChild) void showBody(path, place);
  });
  return fold;
}

/**
 * @param {string} path
 * @param {HTMLElement} place
 */
async function showBody(path, place) {
  replace(place, element("p", { class: "quiet" }, "Loading …"));
  try {
    const text = await (await send(path)).text();
    const isLonger = text.length > SHOWN_BYTES;
    replace(place, textPart(text.slice(0, SHOWN_BYTES)), isLonger && element("p", { class: "quiet" }, "The rest is in the saved file."));
  } catch (error) {
    replace(place, element("p", { class: "bad" }, /** @type {Error} */ (error).message));
  }
}
