import assert from "node:assert/strict";
import { test } from "node:test";

import { durationTicks, heightOf, nearest, timeTicks, topOf } from "../../../service/inspector/page/view/scale.js";

const HOUR = 3_600_000;

test("each power of ten is as far from the next", () => {
  const heights = [0.01, 0.1, 1, 10, 100].map((seconds) => heightOf(seconds, 100));
  assert.deepEqual(heights.map((height) => Math.round(height * 100)), [0, 25, 50, 75, 100]);
  assert.equal(heightOf(0, 100), 0);
  assert.equal(heightOf(1e9, 100), 1);
});

test("the scale rests on powers of ten", () => {
  assert.deepEqual([0, 0.4, 10, 11, 300].map(topOf), [10, 10, 10, 100, 1000]);
  assert.deepEqual(durationTicks(100), [100, 10, 1, 0.1]);
  assert.deepEqual(durationTicks(1000).map((tick) => Math.round(tick * 10) / 10), [1000, 10, 0.1]);
});

test("times are labelled where a clock has round hands", () => {
  const from = new Date(2026, 10, 21, 9, 7).getTime();
  const { ticks, step } = timeTicks(from, from + 5 * HOUR, 8);
  assert.equal(step, HOUR);
  assert.deepEqual(ticks.map((at) => new Date(at).getHours()), [10, 11, 12, 13, 14]);
  assert.ok(ticks.every((at) => new Date(at).getMinutes() === 0));
});

test("a month is labelled by days, each at midnight", () => {
  const from = new Date(2026, 9, 10, 9, 7).getTime();
  const { ticks } = timeTicks(from, from + 30 * 24 * HOUR, 8);
  assert.ok(ticks.length >= 4 && ticks.length <= 8);
  assert.ok(ticks.every((at) => new Date(at).getHours() === 0));
});

test("there are never more labels than there is room for", () => {
  for (const length of [1, 1_000, 60_000, HOUR, 24 * HOUR, 400 * 24 * HOUR, 4000 * 24 * HOUR]) {
    const { ticks } = timeTicks(1.79e12, 1.79e12 + length, 7);
    assert.ok(ticks.length <= 8, `${length}: ${ticks.length}`);
  }
});

test("the nearest dot is found within reach only", () => {
  const placed = [{ x: 0, y: 0 }, { x: 10, y: 0 }];
  assert.equal(nearest(placed, 8, 1, 5), placed[1]);
  assert.equal(nearest(placed, 5, 30, 5), undefined);
});
