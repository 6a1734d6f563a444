/** The switch that shows answers as Markdown, or as they came. This browser keeps how it stands. */

import { keepChoice, keptChoice } from "../state/kept_choices.js";
import { button, element, flash, replace } from "./elements.js";
import { loadMarkdown, markdownPart, MOST_CHARACTERS } from "./markdown.js";
import { folding, textPart } from "./text_block.js";

const SETTING = "markdown";
const HINT = "Answers with headings, lists, tables and links; else as they came";

const isOn = () => keptChoice(SETTING) === "on";

/** @param {() => void} redrawn  called when the texts are others, for what marks words in them */
export function makeMarkdownSwitch(redrawn) {
  /** @type {{place: HTMLElement, text: string}[]} */
  const answers = [];
  /** @type {import("./markdown.js").Parser | undefined} */
  let parser;
  const control = button("Markdown", () => void turn(), { class: "plain", title: HINT, "aria-pressed": "false" });

  /** @param {{place: HTMLElement, text: string}} answer */
  function draw({ place, text }) {
    const made = parser && text.length <= MOST_CHARACTERS ? folding(markdownPart(parser, text), text.length) : textPart(text);
    replace(place, made);
  }

  async function turn() {
    keepChoice(SETTING, isOn() ? "off" : "on");
    await show();
  }

  async function show() {
    try {
      const loaded = isOn() ? await loadMarkdown() : undefined;
      // It may have been pressed again meanwhile.
      parser = isOn() ? loaded : undefined;
    } catch {
      keepChoice(SETTING, "off");
      flash(control, "not there");
      return;
    }
    control.setAttribute("aria-pressed", String(isOn()));
    for (const answer of answers) draw(answer);
    redrawn();
  }

  return {
    root: element("p", { class: "switches" }, control),
    /**
     * A text that the switch is about.
     * @param {string} text
     */
    part(text) {
      const answer = { place: element("div"), text };
      answers.push(answer);
      draw(answer);
      return answer.place;
    },
    hasAny: () => answers.length > 0,
    /** As it was left the last time. */
    begin() {
      if (isOn()) void show();
    },
  };
}
