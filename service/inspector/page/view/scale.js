/** Where a moment and a duration stand in the timeline, and which of them are labelled. All pure. */

/** The shortest duration that the logarithmic scale tells apart, in seconds. */
const SHORTEST = 0.01;

/**
 * A duration's height on a logarithmic scale.
 * @param {number} seconds
 * @param {number} longest  seconds at the top
 * @returns {number} 0 at the bottom to 1 at the top
 */
export function heightOf(seconds, longest) {
  const clamped = Math.min(Math.max(seconds, SHORTEST), longest);
  return Math.log(clamped / SHORTEST) / Math.log(longest / SHORTEST);
}

/**
 * The next power of ten above the longest, so that the scale rests while exchanges come in; ten seconds at least.
 * @param {number} longest  seconds
 */
export function topOf(longest) {
  return Math.max(10, 10 ** Math.ceil(Math.log10(Math.max(longest, SHORTEST) * 0.999)));
}

/**
 * The powers of ten that are labelled: every one, or every second one where there are many.
 * @param {number} longest  seconds at the top
 * @returns {number[]} seconds
 */
export function durationTicks(longest) {
  const ticks = [];
  const top = Math.round(Math.log10(longest));
  const step = top > 2 ? 2 : 1;
  for (let power = top; power > Math.log10(SHORTEST); power -= step) ticks.push(10 ** power);
  return ticks;
}

const [SECOND, MINUTE, HOUR, DAY] = [1e3, 6e4, 36e5, 864e5];
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND), ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR), ...[1, 2, 7, 14, 28].map((count) => count * DAY),
];

/**
 * Round moments in the reader's own time zone, at most `most` of them.
 * @param {number} from  Unix milliseconds
 * @param {number} to  Unix milliseconds
 * @param {number} most
 * @returns {{ticks: number[], step: number}} Unix milliseconds, ascending; `step` tells how to say them
 */
export function timeTicks(from, to, most) {
  const step = STEPS.find((candidate) => (to - from) / candidate <= most) ?? Math.ceil((to - from) / most / DAY) * DAY;
  const ticks = [];
  for (let at = firstTick(from, step); at <= to && ticks.length <= most; at = nextTick(at, step)) ticks.push(at);
  return { ticks, step };
}

/**
 * @param {number} from
 * @param {number} step
 */
function firstTick(from, step) {
  const midnight = new Date(from).setHours(0, 0, 0, 0);
  if (step >= DAY) return midnight < from ? nextTick(midnight, DAY) : midnight;
  return midnight + Math.ceil((from - midnight) / step) * step;
}

/**
 * Days are counted by the calendar: some have 23 or 25 hours.
 * @param {number} at
 * @param {number} step
 */
function nextTick(at, step) {
  if (step < DAY) return at + step;
  const next = new Date(at);
  return next.setDate(next.getDate() + Math.round(step / DAY));
}

/**
 * The dot nearest to a place, in units in which both directions count the same.
 * @template {{x: number, y: number}} T
 * @param {T[]} placed
 * @param {number} x
 * @param {number} y
 * @param {number} reach
 * @returns {T | undefined}
 */
export function nearest(placed, x, y, reach) {
  /** @type {T | undefined} */
  let best;
  let least = reach * reach;
  for (const candidate of placed) {
    const distance = (candidate.x - x) ** 2 + (candidate.y - y) ** 2;
    if (distance <= least) [best, least] = [candidate, distance];
  }
  return best;
}
