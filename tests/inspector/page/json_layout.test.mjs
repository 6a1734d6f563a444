import assert from "node:assert/strict";
import { test } from "node:test";

import { isJsonBody, laidOut } from "../../../service/inspector/page/text/json_layout.js";

test("an object or a list is laid out, a line for each of its parts", () => {
  assert.equal(laidOut('{"a":1,"b":[true,null],"c":{},"d":[]}'), '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ],\n  "c": {},\n  "d": []\n}');
  assert.equal(laidOut(' [ { "a" : "b" } ]\n'), '[\n  {\n    "a": "b"\n  }\n]');
});

test("no digit, no key and no escape becomes another", () => {
  const given = '{"id":12345678901234567890,"x":1.0,"y":1e400,"same":1,"same":2,"s":"\\u00e9\\n{,}:[\\"]","z":-0.0,"10":1,"2":2}';
  assert.equal(laidOut(given).replace(/\n\s*/g, "").replace(/": /g, '":'), given);
});

test("what is no JSON object or list stays as it is", () => {
  for (const text of ["", "{", "{a: 1}", '{"a": 1} and more', "12345678901234567890", '"{}"', "[window.ran=1]", "{{x}}", "{}", "[ ]"]) {
    assert.equal(laidOut(text), text);
  }
  assert.deepEqual(["{}", "[ ]", "{", "1"].map(isJsonBody), [true, true, false, false]);
});

test("JSON that is too deep or too long to read stays as it is, at once", () => {
  const deep = "[".repeat(3000) + "]".repeat(3000);
  assert.equal(laidOut(deep), deep);
  const long = `["${"x".repeat(1_000_000)}"]`;
  assert.equal(laidOut(long), long);
  const begun = process.cpuUsage().user / 1000;
  for (const text of ['["' + "\\".repeat(99_999), "[" + '"a",'.repeat(200_000) + "1]", "{".repeat(500_000)]) laidOut(text);
  assert.ok(process.cpuUsage().user / 1000 - begun < 5_000);
});
