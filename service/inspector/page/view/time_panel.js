/** Any time: last night, yesterday, this week, or from when to when, typed. */

import { timestampOf } from "../state/timestamps.js";
import { CALENDAR_SPANS } from "../text/view_description.js";
import { byId, element, replace, within } from "./elements.js";

const GAP = 6;
const MINUTE = 60_000;

/** @param {import("./facet_panel.js").CurrentView} current */
export function makeTimePanel(current) {
  const panel = byId("time-panel");

  /** @param {Date} from @param {Date} to */
  function choose(from, to) {
    panel.hidePopover();
    current.go({ from: from.toISOString(), to: to.toISOString() });
  }

  function fill() {
    const view = current.view();
    const from = element("input", { type: "datetime-local", "aria-label": "From", value: typedOf(view.from, false) });
    const to = element("input", { type: "datetime-local", "aria-label": "To", value: typedOf(view.to, true) });
    const trouble = element("p", { class: "bad", role: "alert" });
    const show = element("button", { class: "main" }, "Show");
    const form = element("form", { class: "typed-time" }, element("label", {}, "from", from), element("label", {}, "to", to), trouble, show);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const begin = new Date(from.value);
      // An hour is what one mostly looks for.
      const end = to.value ? new Date(to.value) : new Date(begin.getTime() + 60 * MINUTE);
      if (Number.isNaN(begin.getTime())) trouble.textContent = "Type from when on.";
      else if (end <= begin) trouble.textContent = "The end has to be later than the begin.";
      else choose(begin, end);
    });
    const presets = CALENDAR_SPANS.map(([label, span]) => element("button", {
      type: "button", class: "item", onclick: () => choose(...span(new Date())),
    }, label));
    replace(panel, element("h2", {}, "Time"), ...presets, form);
  }

  return {
    /** @param {HTMLElement} opener */
    open(opener) {
      fill();
      panel.showPopover();
      const at = opener.getBoundingClientRect();
      panel.style.left = `${Math.max(GAP, Math.min(at.left, window.innerWidth - panel.offsetWidth - GAP))}px`;
      panel.style.top = `${at.bottom + GAP}px`;
      within(panel, "button")?.focus();
    },
  };
}

/**
 * A moment as such a field has it, by the reader's own clock; "" where the view has none.
 * @param {string} text  of a filter
 * @param {boolean} isEnd
 */
function typedOf(text, isEnd) {
  const moment = text && text !== "all" ? timestampOf(text, Date.now(), isEnd) : NaN;
  if (Number.isNaN(moment)) return "";
  const date = new Date(moment);
  return new Date(moment - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
