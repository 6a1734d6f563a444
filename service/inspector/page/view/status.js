/** How the recorder itself is: the light beside its name, and a line when something needs a hand. */

import { ask } from "../state/api.js";
import { byId, say } from "./elements.js";
import { whole } from "../text/format.js";

const EVERY = 15_000;
const EVERY_WHILE_BEHIND = 2_000;
const NOTICEABLY_BEHIND = 200;
const WORDS = Object.freeze({ connecting: "connecting", live: "live", away: "not connected: trying again", resting: "resting" });

/**
 * @param {() => void} caughtUp  called when the index, having been behind, has all there is
 * @returns {{isBehind: () => boolean, isSignedIn: () => boolean, setLiveness: (how: import("../state/live.js").Liveness) => void}}
 */
export function watchStatus(caughtUp) {
  const light = byId("light");
  const words = byId("light-words");
  const notice = byId("notice");
  /** /status.json. @type {any} */
  let said = {};
  const state = {
    isBehind: () => (said.index?.behind ?? 0) > NOTICEABLY_BEHIND,
    isSignedIn: () => Boolean(said.signed_in),
    /** @param {import("../state/live.js").Liveness} how */
    setLiveness(how) {
      light.dataset.state = how;
      light.title = WORDS[how];
      say(words, WORDS[how]);
    },
  };

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  async function look() {
    clearTimeout(again);
    if (document.hidden) return;
    const wasBehind = state.isBehind();
    try {
      said = await ask("/status.json");
      tell(noticeOf(said));
      byId("sign-out").hidden = !said.signed_in;
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
    again = setTimeout(look, state.isBehind() ? EVERY_WHILE_BEHIND : EVERY);
    if (wasBehind && !state.isBehind()) caughtUp();
  }

  /** @param {string} text */
  function tell(text) {
    say(notice, text);
    notice.hidden = text === "";
  }

  void look();
  document.addEventListener("visibilitychange", () => void look());
  return state;
}

/**
 * The one thing that matters most, or "".
 * @param {any} said  /status.json
 */
export function noticeOf(said) {
  if (said.ollama?.trouble) return `Ollama does not answer: ${said.ollama.trouble}. Is it running?`;
  if (said.journal?.trouble) return `The journal: ${said.journal.trouble}`;
  if (said.index?.trouble) return `The search index: ${said.index.trouble}`;
  const behind = said.index?.behind ?? 0;
  return behind > NOTICEABLY_BEHIND ? `The index is catching up: ${whole(behind)} exchanges to go. Until then the newest are missing here.` : "";
}
