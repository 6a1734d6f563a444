import assert from "node:assert/strict";
import { test } from "node:test";

import { readView } from "../../../service/inspector/page/address.js";
import { belongs, compact, marksOf, phasesOf, stepOf, titleOf, tokensInWords, whoAsked } from "../../../service/inspector/page/entry.js";

const said = (more = {}) => ({ number: 5, time: "2026-11-21T12:00:00Z", started: "2026-11-21T11:59:58Z", method: "POST", request_uri: "/api/ollama/api/chat", request_time: 2, outcome: "completed", failed: false, status: 200, exchange: "ab", ...more });

test("a row keeps what it shows, and nothing of the rest", () => {
  const kept = compact(said({ model: "m", user_agent: "x".repeat(4000), error: "y".repeat(4000) }));
  assert.equal(kept.ended, Date.UTC(2026, 10, 21, 12));
  assert.equal(kept.user_agent, undefined);
  assert.equal(kept.error.length, 200);
});

test("what has no prompt is known by its address, without its caller's labels", () => {
  assert.equal(compact(said({ method: "GET", request_uri: "/api/ollama/~n8n/api/tags" })).address, "GET /api/tags");
  assert.equal(compact(said({ method: "GET", request_uri: "//api/ollama/%7En8n/api/tags" })).address, "GET /api/tags");
  assert.equal(compact(said({ method: "HEAD", request_uri: "/api/ollama/" })).address, "HEAD /");
  assert.equal(compact(said({ prompt: "Hello" })).address, undefined);
});

test("the phases fill exactly the time that the exchange took", () => {
  const phases = phasesOf({ request_time: 10, wait_time: 4, prompt_time: 1, generation_time: 3 });
  assert.deepEqual(phases.map(({ name, seconds }) => [name, seconds]), [["wait", 4], ["prompt", 1], ["generation", 3], ["sending", 2]]);
  assert.deepEqual(phasesOf({ request_time: 10, upload_time: 4, wait_time: 1, generation_time: 3 }).map(({ name, seconds }) => [name, seconds]), [["sending", 4], ["wait", 1], ["generation", 3], ["sending", 2]]);
  // Ollama's clock and ours differ by a little.
  assert.deepEqual(phasesOf({ request_time: 1, wait_time: 0.9, generation_time: 0.2 }).map(({ seconds }) => Math.round(seconds * 10)), [9, 1]);
  assert.deepEqual(phasesOf({ request_time: 3 }).map(({ name }) => name), ["sending"]);
  assert.deepEqual(phasesOf({}), []);
});

test("who asked is the workflow, else the program, else whatever is known", () => {
  assert.deepEqual(whoAsked({ workflow: "W", node: "N", caller: "n8n" }), { name: "W", further: ["› N"] });
  assert.deepEqual(whoAsked({ caller: "Open WebUI", user: "Anna" }), { name: "Open WebUI", further: ["· Anna"] });
  assert.deepEqual(whoAsked({}), { name: "somebody", further: [] });
  assert.equal(titleOf({ operation: "chat", caller: "curl" }), "Chat, by curl");
  assert.equal(titleOf({ operation: "chat", workflow: "W", node: "N" }), "N, in W");
  assert.equal(titleOf({}), "Exchange");
  assert.equal(stepOf({ workflow: "W", execution_id: "231" }), "execution 231");
  assert.equal(stepOf({ caller: "Open WebUI", execution_id: "00000842-aaaa-bbbb" }), "chat 00000842…");
});

test("marks say what is worth noticing, and nothing on a usual exchange", () => {
  const texts = (entry, slow = 30) => marksOf(entry, slow).map(({ text }) => text);
  assert.deepEqual(texts(said()), []);
  assert.deepEqual(texts(said({ outcome: "client_left", failed: true, request_time: 300 }), 999), ["client left after 300 s"]);
  assert.deepEqual(texts(said({ failed: true, status: 404 })), ["error 404"]);
  assert.deepEqual(texts(said({ outcome: "refused", failed: true, status: 403 })), ["refused 403"]);
  assert.deepEqual(texts(said({ outcome: "something_new", failed: true })), ["something_new"]);
  assert.deepEqual(texts(said({ prompt_truncated: true, context_length: 4096 })), ["prompt cut at 4,096 tokens"]);
  assert.deepEqual(texts(said({ request_time: 52, wait_time: 41 })), ["waited 41.0 s"]);
  assert.deepEqual(texts(said({ request_time: 52, wait_time: 1 })), ["slow"]);
});

test("an exchange that just ended belongs to the view whose filters it meets", () => {
  const entry = compact(said({ model: "m", workflow: "W", workflow_id: "w1", request_time: 12, failed: true, status: 499 }));
  for (const search of ["", "?model=m", "?model=x&model=m", "?workflow=W", "?workflow=w1", "?failed=true", "?slower=10", "?status=499", "?truncated=unknown"]) {
    assert.equal(belongs(readView(search), entry), true, search);
  }
  for (const search of ["?model=x", "?workflow=X", "?failed=false", "?slower=12", "?status=200", "?truncated=true", "?truncated=false", "?to=2020-01-01", "?user=u"]) {
    assert.equal(belongs(readView(search), entry), false, search);
  }
});

test("only the recorder can tell whether a whole text holds a word", () => {
  assert.equal(belongs(readView("?q=word"), compact(said())), undefined);
  assert.equal(belongs(readView("?slower=2m"), compact(said())), undefined);
  assert.equal(belongs(readView("?q=word&model=x"), compact(said())), false);
});

test("tokens are said as far as they are known", () => {
  assert.equal(tokensInWords({ prompt_tokens: 1204, completion_tokens: 96 }), "1,204 tokens in, 96 out");
  assert.equal(tokensInWords({ prompt_tokens: 1 }), "1 token in");
  assert.equal(tokensInWords({}), "");
});
