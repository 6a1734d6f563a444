/** Where the open exchange is drawn: its head, why it took so long, its conversation, and all that is known of it. */

import { withoutFilters } from "../state/address.js";
import { endingText, outcomeText, stepOf, titleOf, tokensText } from "../text/exchange_text.js";
import { counted, duration, moment } from "../text/format.js";
import { makeChosenComparison } from "./chosen_comparison.js";
import { contentParts } from "./content.js";
import { contextPart } from "./context_shares.js";
import { conversationParts } from "./conversation.js";
import { numbersPart, parametersPart } from "./details.js";
import { button, byId, element, replace, within } from "./elements.js";
import { actionsPart } from "./exchange_actions.js";
import { drawnInFlight } from "./exchange_in_flight.js";
import { explanationParts } from "./explanation.js";
import { highlight, patternOf, plain } from "./highlight.js";
import { makeLink } from "./link.js";
import { rawPart } from "./raw.js";
import { recorderNote } from "./recorder_note.js";
import { relativesPart } from "./relatives.js";
import { makeRenderedPrompt } from "./rendered_prompt.js";
import { makeReplay } from "./replay.js";

/**
 * @typedef {import("../state/exchange_detail.js").ExchangeDetail} ExchangeDetail
 * @typedef {import("../state/summary.js").ListedExchange} ListedExchange
 *
 * @typedef {object} Dependencies
 * @property {import("../state/address.js").Address} address
 * @property {(text: string) => void} announce
 * @property {(id: string, title: string) => void} erase
 */

/** Pixels of an answer that must be in sight: else a button leads down to it. */
const ENOUGH_IN_SIGHT = 40;
const NO_ID = "The address names none: an exchange has an id of 32 characters.";
const NO_WORDS = "You may see its numbers. What was asked and answered takes the right 'bodies' in READERS_FILE.";
const NOT_HERE = "This exchange is not here";

/** @param {Dependencies} dependencies */
export function makeExchangeArticle({ address, announce, erase }) {
  const article = byId("exchange");
  const link = makeLink(address);
  /** @type {ReturnType<typeof makeReplay> | undefined} */
  let replay;
  /** @type {ReturnType<typeof makeRenderedPrompt> | undefined} */
  let rendered;
  /** @type {ReturnType<typeof drawnInFlight> | undefined} */
  let open;

  const comparison = makeChosenComparison({ address, announce, link });
  const close = () => address.go({ show: "" });
  const mark = () => highlight(article, address.view.q);

  /**
   * @param {string} title
   * @param {...import("./elements.js").Child} parts
   */
  function fill(title, ...parts) {
    replace(article, button("‹ All exchanges", close, { class: "back" }), element("h2", { tabindex: "-1" }, title), ...parts);
  }

  /** @param {string} text */
  function isFound(text) {
    const pattern = patternOf(address.view.q);
    return pattern !== undefined && plain(text).search(pattern) >= 0;
  }

  /**
   * @param {string} id
   * @param {ExchangeDetail} detail
   */
  function draw(id, detail) {
    const { record, conversation, explanation } = detail;
    const below = element("div", { class: "below" });
    replay = makeReplay({ id, detail, place: below, announce, link });
    rendered = makeRenderedPrompt({ id, detail, place: below, announce });
    const hasFinding = (explanation?.findings ?? []).some((finding) => finding.kind === "failed");
    const isKept = Boolean(detail.request.kept) && !detail.request.is_shortened && !detail.response.is_shortened;
    const imageAddress = isKept ? (/** @type {string} */ digest) => `/exchanges/${encodeURIComponent(id)}/images/${digest}` : undefined;
    const turns = conversation ? conversationParts(conversation, endingText(record.done_reason), { isFound, unfolded: mark }, imageAddress) : [];
    fill(
      titleOf(record), factsPart(detail, address, link), recorderNote(id, detail, link),
      record.error && !hasFinding ? element("p", { class: "finding bad" }, record.error) : null,
      ...(explanation ? explanationParts(explanation) : []), ...contentParts(detail, link),
      actionsPart({ id, detail, article, replay, rendered, link, announce, erase, compare: comparison.toggling, toAnswer: () => showAnswer(article) }),
      relativesPart(detail, link), comparison.place, below,
      contextPart(detail.context),
      conversation && element("div", { class: "conversation" }, ...turns),
      conversation && parametersPart(conversation.parameters, conversation.tools), numbersPart(record), rawPart(id, detail),
    );
    comparison.open(id, detail);
    article.scrollTop = 0;
    mark();
    offerAnswer(article);
  }

  return {
    draw,
    drawLoading: () => replace(article, element("p", { class: "quiet loading" }, "Loading …")),
    drawUnknown: () => fill(NOT_HERE, element("p", {}, NO_ID)),
    /**
     * @param {import("../state/api.js").Refusal} refusal
     * @param {() => void} again
     */
    drawTrouble({ status, message }, again) {
      const isGone = status === 404;
      fill(isGone ? NOT_HERE : "This exchange could not be read", element("p", {}, message), isGone ? null : button("Try again", again));
    },
    /** @param {import("../state/tables.js").RecordLine} record  for those who may see numbers only */
    drawNumbers(record) {
      fill(titleOf(record), factsPart({ record }, address, link), element("p", { class: "quiet" }, NO_WORDS), numbersPart(record, true));
    },
    /** @param {ListedExchange} flying */
    drawInFlight(flying) {
      open = drawnInFlight(flying);
      fill(titleOf(flying), ...open.parts);
    },
    /** @param {ListedExchange} flying */
    tick: (flying) => open?.tick(flying),
    close,
    mark,
    compare: comparison.update,
    /** What is under way for the exchange that was drawn is over. */
    leave() {
      replay?.stop();
      rendered?.stop();
      comparison.leave();
    },
    clear: () => replace(article),
    focus: () => within(article, "h2")?.focus(),
    hasFocus: () => article.contains(document.activeElement),
    /**
     * Presses one of the buttons of the exchange, if it has it.
     * @param {import("./exchange_actions.js").Action} action
     */
    press: (action) => within(article, `[data-action=${action}]`)?.click(),
  };
}

/**
 * The line below the title: model, who, when, how it ended, how long it took.
 * @param {Pick<ExchangeDetail, "record" | "explanation" | "turns_known">} detail
 * @param {import("../state/address.js").Address} address
 * @param {import("./link.js").Link} link
 */
function factsPart({ record, explanation, turns_known: turns = 0 }, address, link) {
  const isCut = (explanation?.findings ?? []).some((finding) => finding.kind === "cut_answer");
  const parts = [
    record.model && link({ model: [record.model] }, record.model, { title: "Only this model" }), record.operation,
    record.user, record.execution_id && executionLink(record, address, link), conversationLink(record, turns, address, link),
    moment(Date.parse(record.time), Date.now()), record.status && String(record.status), outcomeText(record, isCut),
    duration(record.request_time), tokensText(record),
  ].filter(Boolean);
  // Each for itself: a name that is written from right to left must not turn round the rest.
  return element("p", { class: "sub" }, ...parts.flatMap((part, index) => [index ? " · " : "", element("bdi", {}, part)]));
}

/**
 * @param {import("../state/tables.js").RecordLine} record
 * @param {import("../state/address.js").Address} address
 * @param {import("./link.js").Link} link
 */
function executionLink(record, address, link) {
  const workflow = record.workflow ?? record.workflow_id;
  const all = { workflow: workflow ? [workflow] : [], execution: record.execution_id ? [record.execution_id] : [], from: "all", to: "" };
  return link({ ...withoutFilters(address.view), ...all }, stepOf(record), { title: "All that belongs to it" });
}

/**
 * One talk with one click; where it is a chat that its execution names already, nothing.
 * @param {import("../state/tables.js").RecordLine} record
 * @param {number} turns
 * @param {import("../state/address.js").Address} address
 * @param {import("./link.js").Link} link
 */
function conversationLink({ conversation_id: conversation, execution_id: execution }, turns, address, link) {
  if (!conversation || conversation === execution || turns < 2) return "";
  const all = { ...withoutFilters(address.view), conversation: [conversation], from: "all", to: "" };
  return link(all, `conversation of ${counted(turns, "turn")}`, { title: "All turns of this conversation" });
}

/** @param {HTMLElement} article */
const answerIn = (article) => within(article, ".conversation > .answer");

/**
 * Only where the answer is out of sight: else there is nowhere to jump to.
 * @param {HTMLElement} article
 */
function offerAnswer(article) {
  const [answer, jump] = [answerIn(article), within(article, "[data-action=answer]")];
  if (!answer || !jump) return;
  jump.hidden = answer.getBoundingClientRect().top < article.getBoundingClientRect().bottom - ENOUGH_IN_SIGHT;
}

/** @param {HTMLElement} article */
function showAnswer(article) {
  const answer = answerIn(article);
  if (!answer) return;
  answer.tabIndex = -1;
  answer.focus({ preventScroll: true });
  answer.scrollIntoView({ block: "start" });
}
