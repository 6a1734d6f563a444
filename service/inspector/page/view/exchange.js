/** One exchange with everything that is known of it; while it is still in flight, what has come of it so far. */

import { withoutFilters } from "../state/address.js";
import { ask, isAborted, oneAtATime, send } from "../state/api.js";
import { recordersNow } from "../state/clock.js";
import { comparisonPart } from "./comparison.js";
import { conversationParts } from "./conversation.js";
import { numbersPart, parametersPart, rawPart } from "./details.js";
import { byId, copy, element, flash, replace, say } from "./elements.js";
import { OUTCOMES } from "../state/tables.js";
import { endingText, stepOf, titleOf, tokensText } from "../text/exchange_text.js";
import { markFound, plain, soughtIn } from "./highlight.js";
import { duration, moment } from "../text/format.js";
import { makeReplay } from "./replay.js";
import { explanationParts } from "./explanation.js";

/** A new exchange usually is here sooner; then nothing flickers in between. */
const PATIENCE = 250;

/**
 * @typedef {object} Dependencies
 * @property {ReturnType<typeof import("../state/address.js").makeAddress>} address
 * @property {(id: string) => import("../state/summary.js").Summary | undefined} inFlight
 * @property {(text: string) => void} announce
 * @property {(id: string, title: string) => void} erase
 */

/** @param {Dependencies} dependencies */
export function makeExchange({ address, inFlight, announce, erase }) {
  const article = byId("exchange");
  const asking = oneAtATime();
  let shown = "";
  /** @type {any} */
  let said;
  /** @type {{text: HTMLElement, clock: HTMLElement} | undefined} */
  let open;
  let hasFailed = false;
  /** @type {ReturnType<typeof makeReplay> | undefined} */
  let replay;
  let wantsFocus = false;

  /** @param {string} id */
  async function show(id) {
    if (id === shown && !hasFailed) return;
    shown = id;
    hasFailed = false;
    // Where there is room for one thing only, the list has just gone, and the focus with it.
    wantsFocus ||= id !== "" && !byId("list").offsetParent && document.activeElement === document.body;
    said = undefined;
    open = undefined;
    replay?.stop();
    asking.stop();
    if (!id) return;
    const flying = inFlight(id);
    if (!/^[0-9a-f]{32}$/i.test(id)) {
      replace(article, back(), heading("This exchange is not here"), element("p", {}, "The address names none: an exchange has an id of 32 characters."));
    } else if (flying) showFlying(flying);
    else await load(id);
  }

  /** @param {string} id */
  async function load(id) {
    hasFailed = false;
    const waiting = setTimeout(() => replace(article, element("p", { class: "quiet loading" }, "Loading …")), PATIENCE);
    try {
      const answer = await ask(`/exchanges/${encodeURIComponent(id)}.json`, { signal: asking.next() });
      said = answer;
      open = undefined;
      draw(id, answer);
    } catch (error) {
      if (isAborted(error)) return;
      hasFailed = true;
      open = undefined;
      const gone = /** @type {any} */ (error).status === 404;
      const again = gone ? null : element("button", { type: "button", onclick: loadInstead }, "Try again");
      replace(article, back(), heading(gone ? "This exchange is not here" : "This exchange could not be read"), element("p", {}, /** @type {Error} */ (error).message), again);
    } finally {
      clearTimeout(waiting);
      focusIfWanted();
    }
  }

  function focusIfWanted() {
    if (wantsFocus) /** @type {HTMLElement | null} */ (article.querySelector("h2"))?.focus();
    wantsFocus = false;
  }

  function back() {
    return element("button", { type: "button", class: "back", onclick: () => close() }, "‹ All exchanges");
  }

  function close() {
    address.go({ show: "" });
  }

  /** @param {string} text */
  function heading(text) {
    return element("h2", { tabindex: "-1" }, text);
  }

  /**
   * A link within the page: a plain address for whoever opens it elsewhere.
   * @param {Partial<import("../state/address.js").View>} changes
   * @param {string} text
   * @param {Record<string, string>} [attributes]
   */
  function link(changes, text, attributes = {}) {
    return element("a", { href: address.of(changes), ...attributes, onclick: (/** @type {MouseEvent} */ event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      address.go(changes);
    } }, text);
  }

  /** @param {Record<string, any>} record */
  function facts(record) {
    const parts = [
      record.model && link({ model: [record.model] }, record.model, { title: "Only this model" }), record.operation,
      record.user,
      record.execution_id && link({ ...withoutFilters(address.view), workflow: [record.workflow ?? record.workflow_id].filter(Boolean), execution: [record.execution_id], from: "all", to: "" }, stepOf(record), { title: "All that belongs to it" }),
      moment(Date.parse(record.time), Date.now()), record.status && String(record.status),
      record.failed && record.outcome === "completed" ? "answered with an error" : OUTCOMES[record.outcome] ?? record.outcome,
      duration(record.request_time), tokensText(record),
    ].filter(Boolean);
    // Each for itself: a name that is written from right to left must not turn round the rest.
    return element("p", { class: "sub" }, ...parts.flatMap((part, index) => [index ? " · " : "", element("bdi", {}, part)]));
  }

  /**
   * @param {string} id
   * @param {any} answer
   */
  function draw(id, answer) {
    const { record, conversation, explanation } = answer;
    const below = element("div", { class: "below" });
    replay = makeReplay({ id, answer, place: below, announce, link });
    const why = explanation ? explanationParts(explanation) : [];
    const ending = endingText(record.done_reason);
    const hasFinding = (explanation?.findings ?? []).some((/** @type {any} */ finding) => finding.kind === "failed");
    replace(
      article, back(), heading(titleOf(record)), facts(record),
      record.error && !hasFinding ? element("p", { class: "finding bad" }, record.error) : null,
      ...why, actions(id, answer), relatives(answer), below,
      conversation && element("div", { class: "conversation" }, ...conversationParts(conversation, ending, { isFound, unfolded: mark })),
      conversation && parametersPart(conversation.parameters, conversation.tools), numbersPart(record), rawPart(id, answer),
    );
    article.scrollTop = 0;
    mark();
    // Only where it is out of sight: else there is nowhere to jump to.
    const last = answerPart();
    const jump = /** @type {HTMLElement | null} */ (article.querySelector("[data-action=answer]"));
    if (last && jump) jump.hidden = last.getBoundingClientRect().top < article.getBoundingClientRect().bottom - 40;
  }

  const answerPart = () => /** @type {HTMLElement | null} */ (article.querySelector(".conversation > .answer"));
  const mark = () => markFound(article, address.view.q);

  /** @param {string} text */
  function isFound(text) {
    const sought = soughtIn(address.view.q);
    return sought !== undefined && plain(text).search(sought) >= 0;
  }

  function toAnswer() {
    const last = answerPart();
    if (!last) return;
    last.tabIndex = -1;
    last.focus({ preventScroll: true });
    last.scrollIntoView({ block: "start" });
  }

  /**
   * @param {string} id
   * @param {any} answer
   */
  function actions(id, answer) {
    const step = stepOf(answer.record);
    return element(
      "div", { class: "actions" },
      element("button", { type: "button", "data-action": "replay", "aria-expanded": "false", onclick: () => replay?.toggle() }, "Replay …"),
      element("button", { type: "button", "data-action": "curl", onclick: () => void copyCurl(id) }, "Copy as curl"),
      /^https?:/.test(answer.trace_url ?? "") ? element("a", { class: "button", href: answer.trace_url, target: "_blank", rel: "noopener noreferrer" }, "Trace ↗") : null,
      answer.previous ? link({ show: answer.previous }, "‹ Earlier", { class: "button", "data-action": "previous", title: `Earlier in ${step}` }) : null,
      answer.next ? link({ show: answer.next }, "Later ›", { class: "button", "data-action": "next", title: `Later in ${step}` }) : null,
      element("button", { type: "button", "data-action": "answer", hidden: true, onclick: toAnswer }, "Answer ↓"),
      element("button", { type: "button", class: "end", onclick: () => erase(id, titleOf(answer.record)) }, "Erase …"),
    );
  }

  /** @param {any} answer */
  function relatives(answer) {
    const replays = answer.replays ?? [];
    if (!answer.replay_of && !replays.length) return null;
    return element(
      "p", { class: "relatives" },
      answer.replay_of ? link({ show: answer.replay_of }, "Repeats an earlier exchange") : null,
      answer.replay_of ? element("button", { type: "button", onclick: (/** @type {Event} */ event) => void compare(answer.replay_of, answer, /** @type {HTMLElement} */ (event.currentTarget)) }, "Compare") : null,
      replays.length ? element("span", {}, "Repeated ", ...replays.flatMap((/** @type {string} */ other, /** @type {number} */ index) => [index ? ", " : "", link({ show: other }, replays.length > 1 ? `once more (${index + 1})` : "once")])) : null,
    );
  }

  /**
   * @param {string} earlier
   * @param {any} answer
   * @param {HTMLElement} button
   */
  async function compare(earlier, answer, button) {
    try {
      const before = await ask(`/exchanges/${encodeURIComponent(earlier)}.json`);
      button.closest("p")?.after(comparisonPart(before, answer));
      button.remove();
    } catch (error) {
      button.replaceWith(element("span", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  }

  /** @param {string} id */
  async function copyCurl(id) {
    const button = /** @type {HTMLElement | null} */ (article.querySelector("[data-action=curl]"));
    try {
      const command = await (await send(`/exchanges/${encodeURIComponent(id)}.curl`)).text();
      const isCopied = await copy(command);
      if (!isCopied) replace(byIdIn(article, ".below"), element("pre", { tabindex: "0", "aria-label": "curl command" }, command));
      announce(isCopied ? "The curl command is on the clipboard." : "The browser forbids copying; the command is shown.");
      if (button && isCopied) flash(button, "Copied");
    } catch (error) {
      announce(/** @type {Error} */ (error).message);
      if (button) flash(button, "Not possible");
    }
  }

  /** @param {import("../state/summary.js").Summary} flying */
  function showFlying(flying) {
    const text = element("div", { class: "text", dir: "auto" }, flying.answer ?? "");
    const clock = element("p", { class: "sub" });
    open = { text, clock };
    replace(
      article, back(), heading(titleOf(flying)), clock,
      element("div", { class: "conversation" },
        element("div", { class: "turn user", role: "group", "aria-label": "user" }, element("h3", {}, "asked, first words"), element("div", { class: "text", dir: "auto" }, flying.prompt ?? "")),
        element("div", { class: "turn assistant answer", role: "group", "aria-label": "answer" }, element("h3", {}, "answer so far, last words"), text)),
    );
    tick();
    focusIfWanted();
  }

  function tick() {
    const flying = open && inFlight(shown);
    if (!open || !flying) return;
    say(open.clock, [flying.model, flying.operation, `in flight for ${duration(Math.max(0, recordersNow() - flying.started) / 1000)}`].filter(Boolean).join(" · "));
    say(open.text, flying.answer ?? "");
  }
  setInterval(tick, 250);

  /** In place of what is shown of it. */
  function loadInstead() {
    wantsFocus ||= article.contains(document.activeElement);
    void load(shown);
  }

  return {
    show,
    close,
    /** @param {string} id  of an exchange that just ended */
    ended(id) {
      if (id === shown && (open || hasFailed)) loadInstead();
    },
    /** What was in flight may have ended unheard; what could not be read may be in flight. */
    hello() {
      const flying = inFlight(shown);
      if (flying && hasFailed) void show(shown);
      else if (!flying && (open || hasFailed)) loadInstead();
    },
    /** Moves the focus into the exchange, when it is there. */
    enter() {
      wantsFocus = true;
      if (said || open) focusIfWanted();
    },
    /**
     * Presses one of the buttons of the open exchange, if it has it.
     * @param {"replay" | "curl" | "previous" | "next" | "answer"} action
     */
    press(action) {
      /** @type {HTMLElement | null} */ (article.querySelector(`[data-action=${action}]`))?.click();
    },
    mark,
    /** The exchange is gone: what is shown of it goes too. */
    forget() {
      shown = "";
      replace(article);
    },
  };
}

/**
 * @param {Element} parent
 * @param {string} selector
 */
function byIdIn(parent, selector) {
  return /** @type {Element} */ (parent.querySelector(selector));
}
