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
 * @typedef {[number, number, number, number, number]} Dot  Unix ms, duration in ms, kind (0 completed, 1 failed,
 *   2 client left), how many exchanges, number of the newest of them
 */

/** Dots are merged where they would be drawn in the same place: in so many columns. */
const COLUMNS = 450;

/**
 * Where to begin so that there is more to see, when the first two thirds of a timeline or more are empty.
 * @param {Dot[]} dots
 * @param {number} from  Unix milliseconds
 * @param {number} to  Unix milliseconds
 * @returns {number | undefined} Unix milliseconds; undefined when it is good as it is
 */
export function closerLook(dots, from, to) {
  if (!dots.length) return undefined;
  const first = dots.reduce((least, dot) => Math.min(least, dot[0]), to);
  if (first - from < ((to - from) * 2) / 3) return undefined;
  // A merged dot tells the newest of its exchanges: the others were up to a column earlier.
  const begin = first - (to - from) / COLUMNS - (to - first) * 0.03;
  return Math.max(from, Math.min(begin, to - MINUTE));
}

/**
 * The timeline as a table: what happened in each of `rows` equal spans of time.
 * @param {Dot[]} dots
 * @param {number} from  Unix milliseconds
 * @param {number} to  Unix milliseconds
 * @param {number} rows
 * @returns {{from: number, to: number, count: number, failed: number, median: number, longest: number}[]} seconds
 */
export function tableOf(dots, from, to, rows) {
  const width = Math.max(1, (to - from) / rows);
  /** @type {Dot[][]} */
  const buckets = Array.from({ length: rows }, () => []);
  for (const dot of dots) {
    const at = Math.floor((dot[0] - from) / width);
    buckets[Math.min(rows - 1, Math.max(0, at))].push(dot);
  }
  return buckets.map((bucket, index) => {
    const sorted = bucket.sort((one, other) => one[1] - other[1]);
    const count = sorted.reduce((sum, dot) => sum + dot[3], 0);
    let [before, median] = [0, 0];
    for (const dot of sorted) {
      if (before < count / 2) median = dot[1];
      before += dot[3];
    }
    const failed = sorted.reduce((sum, dot) => sum + (dot[2] ? dot[3] : 0), 0);
    const longest = sorted.length ? sorted[sorted.length - 1][1] : 0;
    return { from: from + index * width, to: from + (index + 1) * width, count, failed, median: median / 1000, longest: longest / 1000 };
  });
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
