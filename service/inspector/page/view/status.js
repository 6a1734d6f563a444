/** How the recorder itself is: the light beside its name, and a line when something needs a hand. */

import { ask } from "../state/api.js";
import { setExecutionTemplate } from "../state/executions.js";
import { setRecorders } from "../state/recorders.js";
import { whole } from "../text/format.js";
import { byId, setText } from "./elements.js";

const EVERY = 15_000;
const EVERY_WHILE_BEHIND = 2_000;
const NOTICEABLY_BEHIND = 200;
const WORDS = Object.freeze({ connecting: "connecting", live: "live", away: "not connected: trying again", resting: "resting" });

/**
 * @typedef {{trouble?: string | null}} Health
 * @typedef {Health & {name: string}} NamedHealth
 * @typedef {import("../state/recorders.js").Status} Recorders
 * @typedef {{erase?: boolean, replay?: boolean, bodies?: boolean}} May  what whoever looks may do; absent: that is not limited
 * @typedef {{ollama?: Health, upstreams?: NamedHealth[], journal?: Health, index?: Health & {behind?: number}}} Parts
 * @typedef {{open_erasures?: {where: string, trouble: string}[]}} Erasures
 * @typedef {Parts & Recorders & Erasures & {signed_in?: boolean, n8n_url?: string, may?: May}} Status  of /status.json
 */

/**
 * @param {() => void} caughtUp  called when the index, having been behind, has all there is
 * @param {() => void} linksChanged  called when executions or other recorders have another address than before
 * @returns {{isBehind: () => boolean, isSignedIn: () => boolean, setLiveness: (how: import("../state/live.js").Liveness) => void}}
 */
export function watchStatus(caughtUp, linksChanged) {
  const light = byId("light");
  const words = byId("light-words");
  const notice = byId("notice");
  /** @type {Status} */
  let status = {};
  const state = {
    isBehind: () => status.index !== undefined && (status.index.behind ?? Infinity) > NOTICEABLY_BEHIND,
    isSignedIn: () => Boolean(status.signed_in),
    /** @param {import("../state/live.js").Liveness} how */
    setLiveness(how) {
      light.dataset.state = how;
      light.title = WORDS[how];
      setText(words, WORDS[how]);
    },
  };

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  async function look() {
    clearTimeout(again);
    if (document.hidden) return;
    const wasBehind = state.isBehind();
    try {
      status = await ask("/status.json");
      const areOthers = [setExecutionTemplate(status.n8n_url), setRecorders(status)];
      if (areOthers.includes(true)) linksChanged();
      tell(noticeOf(status));
      byId("sign-out").hidden = !status.signed_in;
      showOnly(status.may ?? {});
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
    again = setTimeout(look, state.isBehind() ? EVERY_WHILE_BEHIND : EVERY);
    if (wasBehind && !state.isBehind()) caughtUp();
  }

  /** @param {string} text */
  function tell(text) {
    setText(notice, text);
    notice.hidden = text === "";
  }

  void look();
  document.addEventListener("visibilitychange", () => void look());
  return state;
}

/**
 * Nobody is offered what they may not do. Where they are drawn later, a rule of style.css hides these.
 * @param {May} may
 */
function showOnly({ erase, bodies }) {
  document.body.toggleAttribute("data-no-erasing", erase === false);
  document.body.toggleAttribute("data-no-words", bodies === false);
}

/**
 * The one thing that matters most, or "".
 * @param {Status} status
 */
export function noticeOf({ ollama, upstreams, journal, index, open_erasures = [] }) {
  if (ollama?.trouble) return `Ollama does not answer: ${ollama.trouble}. Is it running?`;
  if (journal?.trouble) return `The journal: ${journal.trouble}`;
  const away = (upstreams ?? []).filter((one) => one.trouble);
  if (away.length) return `${away.map((one) => `${one.name} gets no calls: ${one.trouble}`).join(". ")}. The others go on.`;
  if (open_erasures.length) {
    const { where, trouble } = open_erasures[0];
    const more = open_erasures.length > 1 ? `, and ${whole(open_erasures.length - 1)} more` : "";
    return `Erasing goes on. It is still to be erased at ${where}${more}: ${trouble} It is tried again until it is done.`;
  }
  if (index?.trouble) return `The search index: ${index.trouble}`;
  if (!index) return "";
  const { behind } = index;
  if (behind === undefined) return "The search index is still looking how far it goes. Until then the newest may be missing here.";
  if (behind <= NOTICEABLY_BEHIND) return "";
  return `The index is catching up: ${whole(behind)} exchanges to go. Until then the newest are missing here.`;
}
