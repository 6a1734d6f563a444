import assert from "node:assert/strict";
import { test } from "node:test";

import { makeRowPlaces } from "../../../service/inspector/page/state/row_places.js";
import { dayHeading } from "../../../service/inspector/page/text/format.js";

const NOW = new Date(2026, 10, 21, 12).getTime();
const daysAgo = (days, hour = 9) => new Date(2026, 10, 21 - days, hour).getTime();
const [ROW, HEADING] = [60, 25];

function placed(moments, inFlight = 0) {
  const places = makeRowPlaces();
  places.measure(ROW, HEADING);
  places.arrange(inFlight, moments.map((ended) => ({ ended })), NOW);
  const rows = Array.from({ length: inFlight + moments.length }, (_, index) => index);
  return { places, headings: rows.map(places.hasHeading), tops: rows.map(places.top) };
}

test("each day but today has a heading above its first row", () => {
  const { places, headings, tops } = placed([daysAgo(0), daysAgo(0, 1), daysAgo(1, 23), daysAgo(1), daysAgo(9)], 1);
  assert.deepEqual(headings, [false, false, false, true, false, true]);
  assert.deepEqual(tops, [0, 60, 120, 205, 265, 350]);
  assert.equal(places.outerTop(3), 180);
  assert.equal(places.height(), 410);
});

test("what is older than today begins with its day, and today comes back with its name", () => {
  assert.deepEqual(placed([daysAgo(2), daysAgo(2)]).headings, [true, false]);
  assert.deepEqual(placed([daysAgo(2), daysAgo(0), daysAgo(2)]).headings, [true, true, true]);
  assert.deepEqual(placed([daysAgo(-1), daysAgo(0)]).headings, [false, false]);
  assert.deepEqual(placed([]).headings, []);
  assert.equal(placed([]).places.height(), 0);
});

test("the row at a height is found, headings and ends included", () => {
  const { places } = placed([daysAgo(0), daysAgo(1), daysAgo(2), daysAgo(2)]);
  assert.deepEqual([-5, 0, 59, 60, 84, 85, 144, 145, 231, 1e9].map(places.at), [0, 0, 0, 1, 1, 1, 1, 2, 3, 3]);
});

test("the days of 200,000 rows are found in a moment", () => {
  const begun = process.cpuUsage().user / 1000;
  const { places, tops } = placed(Array.from({ length: 200_000 }, (_, index) => NOW - index * 60_000));
  assert.ok(process.cpuUsage().user / 1000 - begun < 3_000);
  assert.ok(tops.every((top, index) => !index || top - tops[index - 1] >= ROW));
  for (const index of [0, 719, 720, 721, 199_999]) assert.equal(places.at(places.top(index)), index);
});

test("a day is called by its name", () => {
  assert.deepEqual([0, 1, 3, 400].map((days) => dayHeading(daysAgo(days), NOW)), [
    "today", "yesterday, Friday", "Wednesday, 18 Nov", "Friday, 17 Oct 2025",
  ]);
});
