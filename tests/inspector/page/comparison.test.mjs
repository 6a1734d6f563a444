import assert from "node:assert/strict";
import { test } from "node:test";

import { numbersOf, verdict, wordsOf } from "../../../service/inspector/page/view/comparison.js";
import { difference } from "../../../service/inspector/page/text/diff.js";

const calling = (city, text = "", id = "") => ({ record: {}, conversation: { answer: { text, tool_calls: [{ name: "get_weather", arguments: `{"city":"${city}"}`, id }] } } });

const verdictOf = (before, after) => verdict(wordsOf(before), wordsOf(after), difference(wordsOf(before), wordsOf(after)));

test("the tools that an answer calls are a part of what it says", () => {
  assert.equal(wordsOf(calling("Oslo", "I look.")), 'I look.\nget_weather({"city":"Oslo"})');
  assert.equal(wordsOf(calling("Oslo", " \n")), 'get_weather({"city":"Oslo"})');
  assert.equal(wordsOf({ record: { response_text: "Yes." }, conversation: { answer: null } }), "Yes.");
  assert.equal(wordsOf({ record: {} }), "");
});

test("answers that call a tool for something else are not the same, under another id they are", () => {
  assert.match(verdictOf(calling("Oslo", " "), calling("Bergen", " ")), /^About \d\d % of the words/);
  const long = "I look it up. ".repeat(500);
  assert.equal(verdictOf(calling("Oslo", long), calling("Bergen", long)), "About 99 % of the words are the same.");
  assert.equal(verdictOf(calling("Oslo", "", "call_1"), calling("Oslo", " ", "call_2")), "Both answers are the same, word for word.");
});

test("how long each phase took is what the phases themselves say", () => {
  const phases = [{ name: "wait", seconds: 0.093, begins: 0, text: "waiting" }];
  const { wait, prompt, request_time: took } = numbersOf({ record: { request_time: 0.3, wait_time: 0.01 }, explanation: { phases, findings: [] } });
  assert.deepEqual([wait, prompt, took], [0.093, undefined, 0.3]);
  assert.deepEqual(numbersOf({ record: { completion_tokens: 4 } }), { completion_tokens: 4 });
});
