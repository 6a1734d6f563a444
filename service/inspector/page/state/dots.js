/** The dots of the timeline as data: where to begin looking at them, and what they are as a table. All pure. */

/**
 * @typedef {[number, number, number, number, number?]} Dot  Unix ms, duration in ms, kind (0 completed, 1 failed,
 *   2 client left), how many exchanges, number of the newest of them, which is absent where those of all recorders are drawn
 */

/** However few dots there are: a minute, in milliseconds. */
const LEAST = 60_000;
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
  return Math.max(from, Math.min(begin, to - LEAST));
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
