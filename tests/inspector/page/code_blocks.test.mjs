import assert from "node:assert/strict";
import { test } from "node:test";

import { stretchesOf } from "../../../service/inspector/page/text/code_blocks.js";

const kinds = (text) => stretchesOf(text).map(({ isCode, text: stretch }) => [isCode, stretch]);

test("code between fences stands apart, with its fences", () => {
  assert.deepEqual(kinds("So:\n```js\na();\n```\nDone."), [[false, "So:\n"], [true, "```js\na();\n```\n"], [false, "Done."]]);
  assert.deepEqual(kinds("~~~\n```\n~~~"), [[true, "~~~\n```\n~~~"]]);
  assert.deepEqual(kinds("````\n```\n````\n"), [[true, "````\n```\n````\n"]]);
});

test("a fence that is never closed reaches to the end", () => {
  assert.deepEqual(kinds("```\na"), [[true, "```\na"]]);
});

test("no other text has code in it", () => {
  for (const text of ["", "plain", "a ``` b", "```inline``` and on", "`a`", "    ```\n"]) assert.ok(kinds(text).every(([isCode]) => !isCode));
});

test("together the stretches are the text, however many fences it has", () => {
  for (const text of ["```\n".repeat(50_001), "\n\n```\r\na\r\n```\r\n", "``` \n", "```a`b\n```\nc", "x\n~~~ ```\ny"]) {
    assert.equal(stretchesOf(text).map(({ text: stretch }) => stretch).join(""), text);
  }
  assert.equal(stretchesOf("```\n".repeat(50_001)).length, 1);
});
