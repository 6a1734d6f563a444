import assert from "node:assert/strict";
import { test } from "node:test";

import { readView } from "../../../service/inspector/page/state/address.js";
import { describeSlower, describeTime, describeView } from "../../../service/inspector/page/text/view_description.js";

test("a view is said in words", () => {
  assert.deepEqual(describeView(readView("?from=-1h&model=a&model=b&failed=true&slower=10")), ["the last hour", "model a or b", "failed", "slower than 10 s"]);
  assert.equal(describeTime(readView("?from=all")), "all time");
  assert.equal(describeTime(readView("?from=nonsense")), "a time");
});

test("what has none is said so", () => {
  assert.deepEqual(describeView(readView("?from=-1h&task=")), ["the last hour", "no task"]);
  assert.deepEqual(describeView(readView("?from=-1h&node=a&node=&node=b")), ["the last hour", "node a or b or no node"]);
});

test("what is known of prompts is said in three ways", () => {
  const words = ["true", "false", "unknown"].map((value) => describeView(readView(`?truncated=${value}`))[1]);
  assert.deepEqual(words, ["prompt cut", "prompt read whole", "prompt perhaps cut"]);
});

test("how slow is said with one unit", () => {
  assert.equal(describeSlower("10"), "slower than 10 s");
  assert.equal(describeSlower("300ms"), "slower than 300ms");
});
