import assert from "node:assert/strict";
import { test } from "node:test";

import { change, counted, day, duration, energyOfCalls, moment, rate, short, size, span, whole } from "../../../service/inspector/page/text/format.js";

test("a duration has the unit that a person would take", () => {
  const texts = [0, 0.0004, 0.08, 0.42, 7.2, 52.4, 99.96, 300, 720, 12_600, 260_000].map(duration);
  assert.deepEqual(texts, ["0 s", "0.4 ms", "80 ms", "0.42 s", "7.2 s", "52.4 s", "100 s", "300 s", "12 min", "3.5 h", "3 days"]);
});

test("what is unknown is a dash, never a zero", () => {
  for (const unknown of [undefined, null, NaN, Infinity]) {
    assert.equal(duration(unknown), "–");
    assert.equal(short(unknown), "–");
    assert.equal(size(unknown), "–");
    assert.equal(rate(unknown), "");
  }
});

test("energy says of how many calls it is where a meter did not tell of all", () => {
  assert.deepEqual([[7_200, 3, 4], [41, 2, 2], [null, 0, 4]].map((told) => energyOfCalls(...told)), ["2.00 Wh of 3", "41 J", "–"]);
});

test("a count is exact while it is short", () => {
  assert.deepEqual([0, 412, 9_999, 10_000, 188_200, 999_600, 1_240_000, 12_000_000].map(short), ["0", "412", "9,999", "10 k", "188 k", "1.0 M", "1.2 M", "12 M"]);
  assert.equal(whole(1_204_377), "1,204,377");
});

test("one is one and others are many", () => {
  assert.equal(counted(1, "exchange"), "1 exchange");
  assert.equal(counted(1204, "exchange"), "1,204 exchanges");
  assert.equal(counted(0, "exchange is", "exchanges are"), "0 exchanges are");
});

test("sizes count in thousands", () => {
  assert.deepEqual([1, 812, 1_240, 183_204, 999_999, 4_000_000_000].map(size), ["1 byte", "812 bytes", "1.2 kB", "183 kB", "1.0 MB", "4.0 GB"]);
});

test("a day is named as far as it is not today", () => {
  const now = new Date(2026, 10, 21, 14, 0).getTime();
  assert.equal(day(new Date(2026, 10, 21, 0, 0).getTime(), now), "");
  assert.equal(day(new Date(2026, 10, 20, 23, 59).getTime(), now), "yesterday");
  assert.equal(day(new Date(2026, 9, 31).getTime(), now), "31 Oct");
  assert.equal(day(new Date(2025, 9, 31).getTime(), now), "31 Oct 2025");
  assert.equal(moment(new Date(2026, 10, 21, 9, 5, 7).getTime(), now), "today 09:05:07");
});

test("a span says its day once where both ends are on it", () => {
  const now = new Date(2026, 10, 21, 14, 0).getTime();
  const at = (...parts) => new Date(2026, 10, ...parts).getTime();
  assert.equal(span(at(21, 9, 0), at(21, 11, 30), now), "today 09:00 – 11:30");
  assert.equal(span(at(20, 9, 0), at(21, 11, 30), now), "yesterday 09:00 – today 11:30");
  assert.equal(span(at(21, 9, 0, 5), at(21, 9, 1, 0), now), "today 09:00:05 – 09:01:00");
});

test("a change is said in percent, or in times where it is large", () => {
  assert.equal(change(10, 11.2), "+12 %");
  assert.equal(change(10, 6), "−40 %");
  assert.equal(change(10, 31), "×3.1");
  assert.equal(change(10, 10.01), "the same");
  assert.equal(change(0, 5), "");
  assert.equal(change(undefined, 5), "");
});
