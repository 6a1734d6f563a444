import assert from "node:assert/strict";
import { test } from "node:test";

import { closerLook, tableOf } from "../../../service/inspector/page/state/dots.js";

const HOUR = 3_600_000;

test("the table counts what the picture draws", () => {
  const dots = [[0, 1000, 0, 3, 1], [10, 9000, 1, 1, 2], [99, 500, 2, 1, 3], [100, 700, 0, 1, 4]];
  const table = tableOf(dots, 0, 100, 2);
  assert.deepEqual(table.map(({ count, failed, median, longest }) => [count, failed, median, longest]), [[4, 1, 1, 9], [2, 1, 0.5, 0.7]]);
  assert.deepEqual(tableOf([], 0, 100, 2).map(({ count, median }) => [count, median]), [[0, 0], [0, 0]]);
});

test("a timeline that is empty at first is looked at more closely, and no dot is lost by that", () => {
  const [from, to] = [0, 24 * HOUR];
  const dots = [[to - 120_000, 10, 0, 1, 1], [to - 1000, 10, 0, 1, 2]];
  const begin = closerLook(dots, from, to);
  assert.ok(begin <= to - 120_000 - (to - from) / 450 && begin > to - HOUR);
  assert.equal(closerLook([[HOUR, 10, 0, 1, 1]], from, to), undefined);
  assert.equal(closerLook([], from, to), undefined);
});
