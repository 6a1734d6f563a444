/** An exchange while it is in flight: how long already, what was asked, and what has come of its answer. */

import { recordersNow } from "../state/clock.js";
import { duration } from "../text/format.js";
import { element, setText } from "./elements.js";

/** @typedef {import("../state/summary.js").ListedExchange} ListedExchange */

/**
 * @param {ListedExchange} flying
 * @returns {{parts: HTMLElement[], tick: (flying: ListedExchange) => void}} `tick` shows how far it is now
 */
export function drawnInFlight(flying) {
  const text = element("div", { class: "text", dir: "auto" });
  const clock = element("p", { class: "sub" });
  const asked = element("div", { class: "text", dir: "auto" }, flying.prompt ?? "");

  /** @param {ListedExchange} now */
  function tick({ model, operation, started, answer = "", queued = "" }) {
    const seconds = Math.max(0, recordersNow() - started) / 1000;
    setText(clock, [model, operation, `in flight for ${duration(seconds)}`, queued].filter(Boolean).join(" · "));
    setText(text, answer);
  }

  tick(flying);
  const conversation = element(
    "div", { class: "conversation" },
    element("div", { class: "turn user", role: "group", "aria-label": "user" }, element("h3", {}, "asked, first words"), asked),
    element("div", { class: "turn assistant answer", role: "group", "aria-label": "answer" }, element("h3", {}, "answer so far, last words"), text),
  );
  return { parts: [clock, conversation], tick };
}
