/** A conversation as a conversation: system, user, assistant, tools and their results, thinking folded. */

import { element } from "./elements.js";
import { counted, size, whole } from "../text/format.js";

/**
 * @typedef {{name: string, arguments: string, id?: string}} ToolCall
 * @typedef {object} Turn
 * @property {string} role
 * @property {string} text
 * @property {string} [thinking]
 * @property {ToolCall[]} [tool_calls]
 * @property {string[]} [images]
 * @property {string} [name]
 * @property {string} [tool_call_id]
 * @typedef {object} Conversation
 * @property {Turn[]} turns
 * @property {Turn | null} [answer]
 * @property {unknown[]} [tools]
 * @property {Record<string, unknown>} [parameters]
 * @property {boolean} is_whole
 */

/** Longer texts are folded to a screen or so. */
const LONG = 6_000;
/** Of longer conversations the turns in the middle are made when they are asked for. */
const FIRST_TURNS = 4;
const LAST_TURNS = 16;

/**
 * @param {Conversation} conversation
 * @param {string} ending  how the answer ended, for instance "stop"
 * @param {{isFound: (text: string) => boolean, unfolded: () => void}} looking  whether a text has what was searched
 *   for; called when the turns in the middle are there
 * @returns {HTMLElement[]}
 */
export function conversationParts(conversation, ending, { isFound, unfolded }) {
  const { turns, answer } = conversation;
  const parts = [];
  const hidden = turns.length - FIRST_TURNS - LAST_TURNS;
  if (hidden > 1) {
    const hits = turns.slice(FIRST_TURNS, -LAST_TURNS).filter((turn) => isFound(turn.text)).length;
    const more = element("button", { type: "button", class: "between", onclick: () => {
      const first = turns.slice(FIRST_TURNS, -LAST_TURNS).map((turn) => turnPart(turn, ""));
      more.replaceWith(...first);
      first[0].setAttribute("tabindex", "-1");
      first[0].focus();
      unfolded();
    } }, `Show ${counted(hidden, "turn")} in between${hits ? `, ${whole(hits)} with what you search for` : ""}`);
    parts.push(...turns.slice(0, FIRST_TURNS).map((turn) => turnPart(turn, "")), more, ...turns.slice(-LAST_TURNS).map((turn) => turnPart(turn, "")));
  } else {
    parts.push(...turns.map((turn) => turnPart(turn, "")));
  }
  if (answer) parts.push(turnPart(answer, ending, true));
  if (!conversation.is_whole) parts.push(element("p", { class: "note" }, "Not everything was kept: a text was longer than what is kept of each, or an image or vector was replaced by its size."));
  return parts;
}

/**
 * @param {Turn} turn
 * @param {string} ending
 * @param {boolean} [isAnswer]
 */
function turnPart(turn, ending, isAnswer = false) {
  const known = ["system", "developer", "user", "assistant", "tool"].includes(turn.role) ? turn.role : "other";
  const label = [turn.role === "tool" && turn.name ? `result of ${turn.name}` : turn.role, turn.role !== "tool" && turn.name, ending].filter(Boolean).join(" · ");
  const calls = turn.tool_calls ?? [];
  return element(
    "div", { class: `turn ${known}${isAnswer ? " answer" : ""}`, role: "group", "aria-label": isAnswer ? "answer" : turn.role },
    element("h3", {}, label),
    turn.thinking ? thinkingPart(turn.thinking) : null,
    turn.text ? textPart(turn.text) : null,
    ...(turn.images ?? []).map(imagePart),
    ...calls.map(callPart),
    !turn.text && !turn.thinking && !calls.length && !turn.images?.length ? element("p", { class: "quiet" }, "nothing") : null,
  );
}

/** @param {string} thinking */
function thinkingPart(thinking) {
  return element("details", { class: "thinking" }, element("summary", {}, `Thinking, ${counted(thinking.split(/\s+/).filter(Boolean).length, "word")}`), textPart(thinking));
}

/**
 * A text as it was sent, line breaks and all. A long one is folded, not shortened: searching the page finds all of it.
 * @param {string} text
 */
export function textPart(text) {
  const block = element("div", { class: "text", dir: "auto" }, text);
  if (text.length <= LONG) return block;
  block.classList.add("folded");
  const unfold = element("button", { type: "button", class: "unfold", "aria-expanded": "false", onclick: () => {
    const isFolded = block.classList.toggle("folded");
    unfold.setAttribute("aria-expanded", String(!isFolded));
    unfold.textContent = isFolded ? `Show all ${whole(text.length)} characters` : "Show less";
  } }, `Show all ${whole(text.length)} characters`);
  return element("div", {}, block, unfold);
}

/** @param {string} image  how the record describes it: "<image 183204 bytes sha256:…>" */
function imagePart(image) {
  const bytes = /(\d+) bytes/.exec(image);
  return element("p", { class: "image", title: image }, bytes ? `image, ${size(Number(bytes[1]))}` : image || "image");
}

/** @param {ToolCall} call */
function callPart(call) {
  return element("div", { class: "call" }, element("p", {}, "calls ", element("code", {}, call.name)), textPart(readable(call.arguments)));
}

/**
 * JSON laid out for reading; anything else as it is.
 * @param {string} text
 */
export function readable(text) {
  try {
    const parsed = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && Object.keys(parsed).length ? JSON.stringify(parsed, null, 2) : text;
  } catch {
    return text;
  }
}
