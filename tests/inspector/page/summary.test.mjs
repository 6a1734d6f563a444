import assert from "node:assert/strict";
import { test } from "node:test";

import { compact, inFlight } from "../../../service/inspector/page/state/summary.js";

const summary = (more = {}) => ({ number: 5, time: "2026-11-21T12:00:00Z", started: "2026-11-21T11:59:58Z", method: "POST", request_uri: "/api/ollama/api/chat", request_time: 2, outcome: "completed", failed: false, status: 200, exchange: "ab", ...more });

test("a row keeps what it shows, and nothing of the rest", () => {
  const kept = compact(summary({ model: "m", user_agent: "x".repeat(4000), error: "y".repeat(4000) }));
  assert.equal(kept.ended, Date.UTC(2026, 10, 21, 12));
  assert.equal(kept.user_agent, undefined);
  assert.equal(kept.error.length, 200);
});

test("what has no prompt is known by its address, without its caller's labels", () => {
  assert.equal(compact(summary({ method: "GET", request_uri: "/api/ollama/~n8n/api/tags" })).address, "GET /api/tags");
  assert.equal(compact(summary({ method: "GET", request_uri: "//api/ollama/%7En8n/api/tags" })).address, "GET /api/tags");
  assert.equal(compact(summary({ method: "HEAD", request_uri: "/api/ollama/" })).address, "HEAD /");
  assert.equal(compact(summary({ prompt: "Hello" })).address, undefined);
});

test("one in flight has begun and not ended", () => {
  const exchange = inFlight({ exchange: "ab", started: "2026-11-21T11:59:58Z", model: "m" });
  assert.deepEqual([exchange.isOpen, exchange.started, exchange.ended, exchange.model], [true, Date.UTC(2026, 10, 21, 11, 59, 58), NaN, "m"]);
});
