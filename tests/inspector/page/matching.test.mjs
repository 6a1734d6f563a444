import assert from "node:assert/strict";
import { test } from "node:test";

import { readView } from "../../../service/inspector/page/state/address.js";
import { matches } from "../../../service/inspector/page/state/matching.js";
import { compact } from "../../../service/inspector/page/state/summary.js";

const summary = (more = {}) => ({ number: 5, time: "2026-11-21T12:00:00Z", started: "2026-11-21T11:59:58Z", method: "POST", request_uri: "/api/ollama/api/chat", request_time: 2, outcome: "completed", failed: false, status: 200, exchange: "ab", ...more });

test("an exchange that just ended belongs to the view whose filters it meets", () => {
  const exchange = compact(summary({ model: "m", workflow: "W", workflow_id: "w1", request_time: 12, failed: true, status: 499 }));
  for (const search of ["", "?model=m", "?model=x&model=m", "?workflow=W", "?workflow=w1", "?failed=true", "?slower=10", "?status=499", "?truncated=unknown"]) {
    assert.equal(matches(readView(search), exchange), true, search);
  }
  for (const search of ["?model=x", "?workflow=X", "?failed=false", "?slower=12", "?status=200", "?truncated=true", "?truncated=false", "?to=2020-01-01", "?user=u"]) {
    assert.equal(matches(readView(search), exchange), false, search);
  }
});

test("whether a prompt was cut is yes, no or unknown", () => {
  const exchanges = [true, false, undefined].map((value) => compact(summary({ prompt_truncated: value })));
  const matching = (search) => exchanges.map((exchange) => matches(readView(search), exchange));
  assert.deepEqual(matching("?truncated=true"), [true, false, false]);
  assert.deepEqual(matching("?truncated=false"), [false, true, false]);
  assert.deepEqual(matching("?truncated=unknown"), [false, false, true]);
  assert.deepEqual(matching(""), [true, true, true]);
});

test("an empty value is that of an exchange without one", () => {
  const title = compact(summary({ caller: "Open WebUI", task: "title" }));
  const asked = compact(summary({ caller: "Open WebUI" }));
  const matching = (search) => [title, asked].map((exchange) => matches(readView(search), exchange));
  assert.deepEqual(matching("?task="), [false, true]);
  assert.deepEqual(matching("?task=title"), [true, false]);
  assert.deepEqual(matching("?task=&task=title"), [true, true]);
  assert.deepEqual(matching("?node="), [true, true]);
  assert.deepEqual(matching("?caller=%20"), [false, false]);
  assert.equal(matches(readView("?workflow="), compact(summary({ workflow_id: "w1" }))), false);
  assert.equal(matches(readView("?workflow="), asked), true);
});

test("only the recorder can tell whether a whole text holds a word", () => {
  assert.equal(matches(readView("?q=word"), compact(summary())), undefined);
  assert.equal(matches(readView("?slower=2m"), compact(summary())), undefined);
  assert.equal(matches(readView("?q=word&model=x"), compact(summary())), false);
});

test("one model is found by each of its spellings, and is one filter", () => {
  const exchange = compact(summary({ model: "Tiny:latest" }));
  for (const search of ["?model=tiny", "?model=tiny:latest", "?model=library/tiny", "?model=x&model=TINY"]) {
    assert.equal(matches(readView(search), exchange), true, search);
  }
  assert.equal(matches(readView("?model=tiny:1b"), exchange), false);
  assert.deepEqual(readView("?model=tiny&model=tiny:latest&model=&model=:latest").model, ["tiny", "", ":latest"]);
});
