/** The totals of a view and the dots of its timeline: /timeline.json, asked for when they are wanted and no more often. */

import { filterOf } from "./address.js";
import { ask, isAborted, oneAtATime } from "./api.js";
import { closerLook } from "./dots.js";

/**
 * @typedef {import("./address.js").View} View
 * @typedef {import("./dots.js").Dot} Dot
 *
 * @typedef {object} TimelineAnswer
 * @property {string} from
 * @property {string} to
 * @property {Dot[]} dots
 * @property {number} count
 * @property {number} failed
 * @property {number | null} [mean]  seconds
 * @property {number | null} [p50]  seconds
 * @property {number | null} [p95]  seconds
 * @property {number} tokens_in
 * @property {number} tokens_out
 * @property {number} truncated
 * @property {number} model_calls  the numbers above, save count and failed, are theirs; where there is none, of everything
 * @property {number} failed_calls
 * @property {{embeddings: number, refused: number, others: number}} apart  what is no model call
 * @property {boolean} [complete]  false: there were too many of all recorders, and the numbers are of what `scanned` names
 * @property {import("./shared_list.js").Scanned} [scanned]
 * @property {[string, number][]} [models]  and how often each was called, the most frequent first
 *
 * @typedef {{name: string, dots: Dot[]}} ModelDots
 *
 * @typedef {object} Counts
 * @property {TimelineAnswer} totals
 * @property {TimelineAnswer} picture  has the dots, perhaps of less time than the totals
 * @property {ModelDots[] | undefined} models  where dots are coloured by them
 * @property {View} view
 * @property {boolean} isAsked  by the user, who then hears how many there are
 *
 * @typedef {object} Dependencies
 * @property {() => View} view
 * @property {(counts: Counts) => void} counted
 * @property {(refusal: import("./api.js").Refusal) => void} failed
 * @property {() => void} done  after either
 */

/** While exchanges come in, totals are asked for at most this often, and less where answering takes long. */
const LEAST_PAUSE = 2_000;
const PAUSE_PER_ANSWER = 20;
/** So many colours can be told apart, and the style sheet has so many; the other models share a grey. */
export const MODELS_COLOURED = 5;

/** @param {Dependencies} dependencies */
export function makeTimelineData({ view: current, counted, failed, done }) {
  const asking = oneAtATime();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** Something ended while nobody looked. */
  let isDue = false;
  let answeredAt = 0;
  let lastAnswer = 0;

  async function load(isAsked = false) {
    clearTimeout(timer);
    timer = undefined;
    const view = current();
    const began = performance.now();
    try {
      counted({ ...(await askForTimeline(view, asking.next())), view, isAsked });
    } catch (error) {
      if (isAborted(error)) return;
      failed(/** @type {import("./api.js").Refusal} */ (error));
    }
    answeredAt = performance.now();
    lastAnswer = answeredAt - began;
    done();
  }

  function loadSoon() {
    isDue = document.hidden;
    if (timer !== undefined || isDue) return;
    const pause = Math.max(LEAST_PAUSE, PAUSE_PER_ANSWER * lastAnswer);
    timer = setTimeout(() => void load(), Math.max(0, answeredAt + pause - performance.now()));
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isDue) loadSoon();
  });

  return { load, loadSoon };
}

/**
 * @param {View} view
 * @param {AbortSignal} signal
 */
async function askForTimeline(view, signal) {
  const totals = await timelineOf(view, signal);
  const closer = view.to || view.from === "all" ? undefined : closerLook(totals.dots, Date.parse(totals.from), Date.parse(totals.to));
  const drawn = closer === undefined ? view : { ...view, from: new Date(closer).toISOString() };
  const picture = drawn === view ? totals : await timelineOf(drawn, signal);
  const models = view.colour === "model" ? await dotsByModel(drawn, totals.models ?? [], signal) : undefined;
  return { totals, picture, models };
}

/**
 * @param {View} view
 * @param {AbortSignal} signal
 * @returns {Promise<TimelineAnswer>}
 */
function timelineOf(view, signal) {
  return ask(`/timeline.json?${filterOf(view)}`, { signal });
}

/**
 * The dots of the models that were called most, for a timeline that is coloured by them.
 * @param {View} view
 * @param {[string, number][]} called  models and how often, the most frequent first
 * @param {AbortSignal} signal
 * @returns {Promise<ModelDots[]>}
 */
async function dotsByModel(view, called, signal) {
  const names = called.slice(0, MODELS_COLOURED).map(([name]) => name);
  const answers = await Promise.all(names.map((name) => timelineOf({ ...view, model: [name] }, signal)));
  return names.map((name, index) => ({ name, dots: answers[index].dots }));
}
