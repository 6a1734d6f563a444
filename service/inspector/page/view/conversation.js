/** A conversation as a conversation: system, user, assistant, tools and their results, thinking folded. */

import { counted, size, whole } from "../text/format.js";
import { button, copy, element, flash } from "./elements.js";
import { makeMarkdownSwitch } from "./markdown_switch.js";
import { textPart } from "./text_block.js";

/**
 * @typedef {import("../state/exchange_detail.js").Conversation} Conversation
 * @typedef {import("../state/exchange_detail.js").Turn} Turn
 * @typedef {ReturnType<typeof makeMarkdownSwitch>} MarkdownSwitch
 */

/** Of longer conversations the turns in the middle are made when they are asked for. */
const FIRST_TURNS = 4;
const LAST_TURNS = 16;

const NOT_WHOLE =
  "Not everything was kept: a text was longer than what is kept of each, or an image or vector was replaced by its size.";
const UNREAD = "The answer holds something that the record does not read; it is kept as it came.";
const ROLES = Object.freeze(["system", "developer", "user", "assistant", "tool"]);

/**
 * @typedef {object} Search
 * @property {(text: string) => boolean} isFound  whether a text has what was searched for
 * @property {() => void} unfolded  called when there are other texts: turns in the middle, or Markdown
 */

/**
 * What all turns share.
 * @typedef {object} Around
 * @property {MarkdownSwitch} markdown
 * @property {((digest: string) => string) | undefined} imageAddress
 */

/**
 * @param {Conversation} conversation
 * @param {string} ending  how the answer ended, for instance "stop"
 * @param {Search} search
 * @param {((digest: string) => string) | undefined} imageAddress  where an image is; undefined: the request was not kept whole
 * @returns {HTMLElement[]}
 */
export function conversationParts({ turns, answer, is_whole: isWhole, has_unread: hasUnread }, ending, search, imageAddress) {
  const markdown = makeMarkdownSwitch(search.unfolded);
  const around = { markdown, imageAddress };
  const parts = turns.length - FIRST_TURNS - LAST_TURNS > 1 ? longParts(turns, search, around) : turns.map((turn) => turnPart(turn, "", around));
  if (answer) parts.push(turnPart(answer, ending, around, true));
  // What was replaced in the record can be seen all the same.
  const hasAll = isWhole || (imageAddress !== undefined && turns.some((turn) => turn.images?.length));
  if (hasUnread || !hasAll) parts.push(element("p", { class: "note" }, hasUnread ? UNREAD : NOT_WHOLE));
  markdown.begin();
  return markdown.hasAny() ? [markdown.root, ...parts] : parts;
}

/**
 * @param {Turn[]} turns
 * @param {Search} search
 * @param {Around} around
 * @returns {HTMLElement[]}
 */
function longParts(turns, { isFound, unfolded }, around) {
  const middle = turns.slice(FIRST_TURNS, -LAST_TURNS);
  const hits = middle.filter((turn) => isFound(turn.text)).length;
  const label = `Show ${counted(middle.length, "turn")} in between${hits ? `, ${whole(hits)} with what you search for` : ""}`;
  const more = button(label, () => {
    const made = middle.map((turn) => turnPart(turn, "", around));
    more.replaceWith(...made);
    made[0].setAttribute("tabindex", "-1");
    made[0].focus();
    unfolded();
  }, { class: "between" });
  return [
    ...turns.slice(0, FIRST_TURNS).map((turn) => turnPart(turn, "", around)), more,
    ...turns.slice(-LAST_TURNS).map((turn) => turnPart(turn, "", around)),
  ];
}

/**
 * @param {Turn} turn
 * @param {string} ending
 * @param {Around} around
 * @param {boolean} [isAnswer]
 */
function turnPart(turn, ending, { markdown, imageAddress }, isAnswer = false) {
  const role = ROLES.includes(turn.role) ? turn.role : "other";
  const calls = turn.tool_calls ?? [];
  return element(
    "div", { class: `turn ${role}${isAnswer ? " answer" : ""}`, role: "group", "aria-label": isAnswer ? "answer" : turn.role },
    element("h3", {}, labelOf(turn, ending), copyPart(turn, isAnswer)),
    turn.thinking ? thinkingPart(turn.thinking) : null,
    ...(role === "assistant" && turn.text ? [markdown.part(turn.text)] : textParts(turn)),
    ...(turn.images ?? []).map((image) => imagePart(image, imageAddress)),
    ...calls.map(callPart),
    !turn.text && !turn.thinking && !calls.length && !turn.images?.length ? element("p", { class: "quiet" }, "nothing") : null,
  );
}

/**
 * @param {Turn} turn
 * @param {string} ending
 */
function labelOf({ role, name }, ending) {
  const who = role === "tool" ? [name ? `result of ${name}` : role] : [role, name];
  return [...who, ending].filter(Boolean).join(" · ");
}

/**
 * Copies what it says; of a turn without a text, the calls of tools in it.
 * @param {Turn} turn
 * @param {boolean} isAnswer
 */
function copyPart({ role, text, tool_calls: calls = [] }, isAnswer) {
  const words = text || calls.map((call) => `${call.name}(${call.arguments})`).join("\n");
  if (!words) return null;
  const label = isAnswer ? "Copy the answer" : `Copy this message (${role})`;
  const copying = button("copy", async () => {
    flash(copying, (await copy(words)) ? "copied" : "not copied");
  }, { class: "plain copy", "aria-label": label });
  return copying;
}

/**
 * A text, or the words of it that a person typed and all of it folded away.
 * @param {Turn} turn
 */
function textParts({ text, typed }) {
  if (!typed) return text ? [textPart(text)] : [];
  return [textPart(typed), element("details", { class: "thinking" }, element("summary", {}, "As it was sent, with the document"), textPart(text))];
}

/** @param {string} thinking */
function thinkingPart(thinking) {
  const words = thinking.split(/\s+/).filter(Boolean).length;
  return element("details", { class: "thinking" }, element("summary", {}, `Thinking, ${counted(words, "word")}`), textPart(thinking));
}

/**
 * An image by its size; a click draws it, where it was kept. Whoever sent it may have made it very large.
 * @param {string} image  how the record describes it: "<image 183204 bytes sha256:…>"
 * @param {((digest: string) => string) | undefined} imageAddress
 */
function imagePart(image, imageAddress) {
  const bytes = /(\d+) bytes/.exec(image);
  const label = bytes ? `image, ${size(Number(bytes[1]))}` : image || "image";
  const digest = /sha256:([0-9a-f]{64})/.exec(image);
  if (!digest || !imageAddress) return element("p", { class: "image", title: image }, label);
  const showing = button(`Show ${label}`, () => {
    const picture = /** @type {HTMLImageElement} */ (element("img", { class: "kept-image", alt: label }));
    picture.addEventListener("error", () => {
      picture.replaceWith(element("p", { class: "image", title: image }, `${label}: not kept, or nothing that a browser draws`));
    });
    picture.src = imageAddress(digest[1]);
    showing.replaceWith(picture);
  }, { class: "image", title: image });
  return showing;
}

/** @param {import("../state/exchange_detail.js").ToolCall} call */
function callPart(call) {
  return element("div", { class: "call" }, element("p", {}, "calls ", element("code", {}, call.name)), textPart(call.arguments));
}
