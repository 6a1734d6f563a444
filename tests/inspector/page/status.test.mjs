import assert from "node:assert/strict";
import { test } from "node:test";

import { noticeOf } from "../../../service/inspector/page/view/status.js";

test("nothing is said while all is well, or nothing is known", () => {
  assert.equal(noticeOf({}), "");
  assert.equal(noticeOf({ ollama: { trouble: null }, journal: { trouble: null }, index: { trouble: null, behind: 3 } }), "");
});

test("what matters most is said, and only that", () => {
  assert.match(noticeOf({ ollama: { trouble: "connection refused" }, index: { behind: 9000 } }), /Ollama does not answer: connection refused/);
  const upstreams = [{ name: "gpu1", trouble: null }, { name: "gpu2", trouble: "connection refused" }];
  assert.equal(noticeOf({ ollama: { trouble: null }, upstreams }), "gpu2 gets no calls: connection refused. The others go on.");
  assert.match(noticeOf({ journal: { trouble: "the disk is full" }, index: { behind: 9000 } }), /the disk is full/);
  assert.match(noticeOf({ index: { behind: 9000 } }), /9,000 exchanges to go/);
  assert.match(noticeOf({ index: { trouble: null } }), /still looking how far it goes/);
  assert.match(noticeOf({ index: { trouble: "no journal" } }), /The search index: no journal/);
});
