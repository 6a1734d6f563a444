/** The open exchange: which one it is, and where it comes from. While it is in flight, what has come of it so far. */

import { isAborted, oneAtATime } from "../state/api.js";
import { askForExchange, askForNumbers } from "../state/exchange_detail.js";
import { byId } from "./elements.js";
import { makeExchangeArticle } from "./exchange_article.js";

/** A new exchange usually is here sooner; then nothing flickers in between. */
const PATIENCE = 250;
const TICK = 250;
const FORBIDDEN = 403;

/**
 * @typedef {object} Dependencies
 * @property {import("../state/address.js").Address} address
 * @property {(id: string) => import("../state/summary.js").ListedExchange | undefined} inFlight
 * @property {(text: string) => void} announce
 * @property {(id: string, title: string) => void} erase
 */

/** @param {Dependencies} dependencies */
export function makeExchange({ address, inFlight, announce, erase }) {
  const article = makeExchangeArticle({ address, announce, erase });
  const asking = oneAtATime();
  let shown = "";
  /** What is drawn of it, if anything. @type {"" | "detail" | "in flight" | "failed"} */
  let state = "";
  let wantsFocus = false;

  /** @param {string} id  "" for none */
  async function show(id) {
    if (id === shown && state !== "failed") return;
    shown = id;
    state = "";
    // Where there is room for one thing only, the list has just gone, and the focus with it.
    wantsFocus ||= id !== "" && !byId("list").offsetParent && document.activeElement === document.body;
    article.leave();
    asking.stop();
    if (!id) return;
    const flying = inFlight(id);
    if (!/^[0-9a-f]{32}$/i.test(id)) article.drawUnknown();
    else if (flying) showInFlight(flying);
    else await load(id);
  }

  /** @param {string} id */
  async function load(id) {
    if (state === "failed") state = "";
    const waiting = setTimeout(article.drawLoading, PATIENCE);
    try {
      const detail = await askForExchange(id, asking.next(), address.view.store);
      state = "detail";
      article.draw(id, detail);
    } catch (error) {
      if (isAborted(error)) return;
      state = "failed";
      const refusal = /** @type {import("../state/api.js").Refusal} */ (error);
      const numbers = refusal.status === FORBIDDEN ? await numbersOf(id, asking.next(), address.view.store) : undefined;
      if (id !== shown) return;
      if (numbers) article.drawNumbers(numbers);
      else article.drawTrouble(refusal, loadInstead);
    } finally {
      clearTimeout(waiting);
      focusIfWanted();
    }
  }

  function focusIfWanted() {
    if (wantsFocus) article.focus();
    wantsFocus = false;
  }

  /** @param {import("../state/summary.js").ListedExchange} flying */
  function showInFlight(flying) {
    state = "in flight";
    article.drawInFlight(flying);
    focusIfWanted();
  }

  /** In place of what is shown of it. */
  function loadInstead() {
    wantsFocus ||= article.hasFocus();
    void load(shown);
  }

  setInterval(() => {
    const flying = state === "in flight" && inFlight(shown);
    if (flying) article.tick(flying);
  }, TICK);

  return {
    show,
    close: article.close,
    /** @param {string} id  of an exchange that just ended */
    ended(id) {
      if (id === shown && (state === "in flight" || state === "failed")) loadInstead();
    },
    /** What was in flight may have ended unheard; what could not be read may be in flight. */
    hello() {
      const isFlying = inFlight(shown) !== undefined;
      if (isFlying && state === "failed") void show(shown);
      else if (!isFlying && (state === "in flight" || state === "failed")) loadInstead();
    },
    /** Moves the focus into the exchange, when it is there. */
    enter() {
      wantsFocus = true;
      if (state === "detail" || state === "in flight") focusIfWanted();
    },
    press: article.press,
    mark: article.mark,
    /** Another exchange is marked to be compared with, or none. */
    compare: article.compare,
    /** The exchange is gone: what is shown of it goes too. */
    forget() {
      shown = "";
      article.clear();
    },
  };
}

/**
 * What who may not see bodies may see of it, if anything.
 *
 * @param {Parameters<typeof askForNumbers>} asked
 */
async function numbersOf(...asked) {
  try {
    return await askForNumbers(...asked);
  } catch {
    return undefined;
  }
}
