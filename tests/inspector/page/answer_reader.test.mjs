import assert from "node:assert/strict";
import { test } from "node:test";

import { makeAnswerReader } from "../../../service/inspector/page/state/answer_reader.js";

/** Reads an answer in pieces of `width` characters. */
function read(contentType, whole, width = 7) {
  const reader = makeAnswerReader(contentType);
  const total = { text: "", thinking: "", error: "" };
  const add = (piece) => {
    for (const key of Object.keys(total)) total[key] += piece[key];
  };
  for (let at = 0; at < whole.length; at += width) add(reader.read(whole.slice(at, at + width)));
  add(reader.end());
  return total;
}

const NDJSON = "application/x-ndjson";
const SSE = "text/event-stream; charset=utf-8";
const lines = (...messages) => messages.map((one) => `${JSON.stringify(one)}\n`).join("");
const events = (...messages) => messages.map((one) => `data: ${typeof one === "string" ? one : JSON.stringify(one)}\n\n`).join("");

test("Ollama's chat, with thinking, wherever its lines are cut", () => {
  const whole = lines({ message: { thinking: "Hm" } }, { message: { content: "Hel" } }, { message: { content: "lo" } }, { done: true });
  for (const width of [1, 5, 1000]) assert.deepEqual(read(NDJSON, whole, width), { text: "Hello", thinking: "Hm", error: "" });
});

test("Ollama's generate, streamed and whole", () => {
  assert.equal(read(NDJSON, lines({ response: "a" }, { response: "b", done: true })).text, "ab");
  assert.equal(read("application/json", JSON.stringify({ response: "whole", done: true })).text, "whole");
});

test("an error in the stream is told", () => {
  assert.equal(read(NDJSON, lines({ message: { content: "a" } }, { error: "out of memory" })).error, "out of memory");
  assert.equal(read(SSE, events({ error: { message: "too long", type: "x" } })).error, "too long");
});

test("OpenAI's chat, completions and responses", () => {
  assert.equal(read(SSE, events({ choices: [{ delta: { content: "a" } }] }, { choices: [{ delta: { content: "b" } }] }, "[DONE]")).text, "ab");
  assert.equal(read(SSE, events({ choices: [{ text: "c" }] })).text, "c");
  assert.equal(read("application/json", JSON.stringify({ choices: [{ message: { content: "whole" } }] })).text, "whole");
  const response = events({ type: "response.output_text.delta", delta: "a" }, { type: "response.output_text.done", text: "a" }, { type: "response.completed", response: {} });
  assert.equal(read(SSE, response).text, "a");
  assert.equal(read("application/json", JSON.stringify({ output: [{ content: [{ type: "output_text", text: "whole" }] }] })).text, "whole");
});

test("Anthropic's messages", () => {
  const stream = events({ type: "content_block_delta", delta: { type: "thinking_delta", thinking: "Hm" } }, { type: "content_block_delta", delta: { type: "text_delta", text: "Hi" } });
  assert.deepEqual(read(SSE, stream), { text: "Hi", thinking: "Hm", error: "" });
  assert.equal(read("application/json", JSON.stringify({ type: "message", content: [{ type: "text", text: "whole" }] })).text, "whole");
});

test("what is none of these adds nothing and breaks nothing", () => {
  for (const odd of ["null\n", "[1]\n", "{\n", "\n\n", '"text"\n', "{}\n", '{"choices": 5}\n', '{"message": 5}\n', '{"error": null}\n', '{"output": [null]}\n', '{"content": [null]}\n', '{"type": 5}\n']) {
    assert.deepEqual(read(NDJSON, odd), { text: "", thinking: "", error: "" }, odd);
  }
});
