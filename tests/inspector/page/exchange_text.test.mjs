import assert from "node:assert/strict";
import { test } from "node:test";

import { itemOf, marksOf, namesOf, stepOf, titleOf, tokensText } from "../../../service/inspector/page/text/exchange_text.js";

const summary = (more = {}) => ({ number: 5, time: "2026-11-21T12:00:00Z", started: "2026-11-21T11:59:58Z", method: "POST", request_uri: "/api/ollama/api/chat", request_time: 2, outcome: "completed", failed: false, status: 200, exchange: "ab", ...more });

const rowOf = (record) => namesOf(record).map(({ sign, text }) => sign + text).join("");
const filters = (record) => Object.assign({}, ...namesOf(record).map(({ filter }) => filter));

test("who asked is the workflow, else the program, else whatever is known, and each name is a filter", () => {
  assert.equal(rowOf({ workflow: "W", node: "N", caller: "n8n" }), "W › N");
  assert.equal(rowOf({ caller: "Open WebUI", user: "Anna" }), "Open WebUI · Anna");
  assert.equal(rowOf({ caller: "Open WebUI", task: "title", user: "Anna" }), "Open WebUI › title · Anna");
  assert.equal(rowOf({ user: "Anna", model: "m", operation: "chat" }), "Anna · m");
  assert.equal(rowOf({ workflow: "W", model: "m", operation: "embed", execution_id: "231", item: 2 }), "W · m · embed · execution 231 · item 2");
  assert.equal(rowOf({}), "somebody");
  assert.deepEqual(filters({}), {});
  assert.deepEqual(filters({ workflow: "W", node: "N", user: "Anna", caller: "n8n", model: "m", execution_id: "231" }), {
    workflow: ["W"], node: ["N"], user: ["Anna"], model: ["m"], execution: ["231"],
  });
  assert.deepEqual(filters({ caller: "chat", task: "title", operation: "embed", execution_id: "c1" }), {
    caller: ["chat"], task: ["title"], operation: ["embed"], execution: ["c1"],
  });
});

test("a node that is only known by its id has four characters of it, and is found by all", () => {
  const node = "6f1a2b3c-0d1e-4f5a-8b9c-0d1e2f3a4b5c";
  assert.equal(rowOf({ workflow: "W", node }), "W › 6f1a…");
  assert.deepEqual(filters({ workflow: "W", node }).node, [node]);
  assert.equal(titleOf({ workflow: "W", node }), "6f1a…, in W");
  assert.equal(rowOf({ workflow: "W", node: "6f1a2b3c" }), "W › 6f1a2b3c");
});

test("how an exchange is called", () => {
  assert.equal(titleOf({ operation: "chat", caller: "curl" }), "Chat, by curl");
  assert.equal(titleOf({ operation: "chat", workflow: "W", node: "N" }), "N, in W");
  assert.equal(titleOf({}), "Exchange");
  assert.equal(stepOf({ workflow: "W", execution_id: "231" }), "execution 231");
  assert.equal(stepOf({ caller: "Open WebUI", execution_id: "00000842-aaaa-bbbb" }), "chat 00000842…");
  assert.equal(itemOf({ item: 0 }), "item 0");
  assert.equal(itemOf({}), "");
});

test("marks say what is worth noticing, and nothing on a usual exchange", () => {
  const texts = (record, slow = 30) => marksOf(record, slow).map(({ text }) => text);
  assert.deepEqual(texts(summary()), []);
  assert.deepEqual(texts(summary({ outcome: "client_left", failed: true, request_time: 300 }), 999), ["client left after 300 s"]);
  assert.deepEqual(marksOf(summary({ outcome: "client_left", failed: false, request_time: 12 }), 99), [{ text: "stopped after 12.0 s", tone: "quiet" }]);
  assert.deepEqual(texts(summary({ failed: true, status: 404 })), ["error 404"]);
  assert.deepEqual(texts(summary({ failed: true, status: 404, attempt: 2 })), ["error 404", "try 2"]);
  assert.deepEqual(texts(summary({ attempt: 1 })), []);
  assert.deepEqual(texts(summary({ outcome: "refused", failed: true, status: 403 })), ["refused 403"]);
  assert.deepEqual(texts(summary({ outcome: "something_new", failed: true })), ["something_new"]);
  assert.deepEqual(texts(summary({ prompt_truncated: true, context_length: 4096 })), ["prompt cut at 4,096 tokens"]);
  assert.deepEqual(texts(summary({ request_time: 52, wait_time: 41 })), ["waited 41.0 s"]);
  assert.deepEqual(texts(summary({ request_time: 52, wait_time: 1 })), ["slow"]);
});

test("tokens are said as far as they are known", () => {
  assert.equal(tokensText({ prompt_tokens: 1204, completion_tokens: 96 }), "1,204 tokens in, 96 out");
  assert.equal(tokensText({ prompt_tokens: 1 }), "1 token in");
  assert.equal(tokensText({}), "");
});
