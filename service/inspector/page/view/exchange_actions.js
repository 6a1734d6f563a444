/** What can be done with the open exchange: replay it, copy it, go to its trace and its neighbours, erase it. */

import { send } from "../state/api.js";
import { stepOf, titleOf } from "../text/exchange_text.js";
import { button, copy, element, flash, replace, within } from "./elements.js";
import { mayBeRendered } from "./rendered_prompt.js";

/**
 * @typedef {"replay" | "rendered" | "curl" | "previous" | "next" | "answer" | "compare"} Action
 *
 * @typedef {object} Dependencies
 * @property {string} id
 * @property {import("../state/exchange_detail.js").ExchangeDetail} detail
 * @property {HTMLElement} article
 * @property {{toggle: () => void}} replay
 * @property {{show: () => void}} rendered
 * @property {import("./link.js").Link} link
 * @property {(text: string) => void} announce
 * @property {(id: string, title: string) => void} erase
 * @property {HTMLElement} compare  the button that marks it for a comparison
 * @property {() => void} toAnswer
 */

/** @param {Dependencies} dependencies */
export function actionsPart({ id, detail, article, replay, rendered, link, announce, erase, compare, toAnswer }) {
  const { record, previous, next, trace_url: trace, n8n_url: execution } = detail;
  const step = stepOf(record);
  // What takes the kept bytes, or the exchanges around it, is done where it was recorded.
  const isHere = !detail.store;
  return element(
    "div", { class: "actions" },
    isHere && button("Replay …", replay.toggle, { "data-action": "replay", "aria-expanded": "false" }),
    isHere && mayBeRendered(detail) ? button("What did the model get?", rendered.show, { "data-action": "rendered" }) : null,
    isHere && compare,
    isHere && button("Copy as curl", () => void copyCurl(id, article, announce), { "data-action": "curl" }),
    elsewhere(trace, "Trace ↗"),
    elsewhere(execution, "n8n ↗", "The execution in n8n"),
    previous ? link({ show: previous }, "‹ Earlier", { class: "button", "data-action": "previous", title: `Earlier in ${step}` }) : null,
    next ? link({ show: next }, "Later ›", { class: "button", "data-action": "next", title: `Later in ${step}` }) : null,
    button("Answer ↓", toAnswer, { "data-action": "answer", hidden: true }),
    isHere && button("Erase …", () => erase(id, titleOf(record)), { class: "end", "data-action": "erase" }),
  );
}

/**
 * A link to another program.
 * @param {string | undefined} address
 * @param {string} text
 * @param {string} [title]
 */
function elsewhere(address = "", text, title = "") {
  if (!/^https?:/.test(address)) return null;
  return element("a", { class: "button", href: address, target: "_blank", rel: "noopener noreferrer", ...(title ? { title } : {}) }, text);
}

/**
 * @param {string} id
 * @param {HTMLElement} article
 * @param {(text: string) => void} announce
 */
async function copyCurl(id, article, announce) {
  const pressed = within(article, "[data-action=curl]");
  try {
    const command = await (await send(`/exchanges/${encodeURIComponent(id)}.curl`)).text();
    const isCopied = await copy(command);
    const below = within(article, ".below");
    if (!isCopied && below) replace(below, element("pre", { tabindex: "0", "aria-label": "curl command" }, command));
    announce(isCopied ? "The curl command is on the clipboard." : "The browser forbids copying; the command is shown.");
    if (pressed && isCopied) flash(pressed, "Copied");
  } catch (error) {
    announce(/** @type {Error} */ (error).message);
    if (pressed) flash(pressed, "Not possible");
  }
}
