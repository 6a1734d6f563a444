import assert from "node:assert/strict";
import { test } from "node:test";

import { barsOf, barText } from "../../../service/inspector/page/view/timeline_bars.js";

const MARGINS = 56;
/** A picture of 100 bars, in which a second is a bar. @type {any} */
const SCALE = { limits: () => [0, 100_000], width: () => MARGINS + 800, height: () => 127 };

test("each bar counts what ended in its stretch, and how many of these failed", () => {
  const bars = barsOf([[500, 10, 0, 7, 1], [900, 10, 1, 2, 2], [1500, 10, 2, 1, 3]], SCALE);
  assert.equal(bars.length, 100);
  assert.deepEqual(bars.slice(0, 3).map(({ count, failed }) => [count, failed]), [[9, 2], [1, 1], [0, 0]]);
  assert.deepEqual([bars[1].from, bars[1].to], [1000, 2000]);
});

test("what ended before or after the picture stands at its edge", () => {
  const bars = barsOf([[-5, 1, 0, 1, 1], [100_000, 1, 0, 1, 2], [9e9, 1, 0, 1, 3]], SCALE);
  assert.equal(bars[0].count, 1);
  assert.equal(bars[99].count, 2);
});

test("no bar is higher than the picture, and twice as many are twice as high", () => {
  const bars = barsOf([[500, 1, 0, 10, 1], [1500, 1, 0, 5, 2]], SCALE);
  const bottom = 127 - 18;
  assert.ok(bars[0].top >= 9 && bars[0].top < bars[1].top);
  assert.equal(Math.round((bottom - bars[0].top) / (bottom - bars[1].top)), 2);
});

test("a bar says how many there were, when, and how many failed", () => {
  const from = new Date(2020, 10, 21, 14, 0).getTime();
  const bar = { from, to: from + 600_000, x: 0, width: 8, top: 0, count: 1204, failed: 3 };
  assert.match(barText(bar), /^1,204 exchanges, 21 Nov 2020 14:00.* to 14:10, 3 failed$/);
  assert.doesNotMatch(barText({ ...bar, failed: 0 }), /failed/);
});
