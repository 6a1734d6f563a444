import assert from "node:assert/strict";
import { test } from "node:test";

import { phasesOf } from "../../../service/inspector/page/state/phases.js";

test("the phases fill exactly the time that the exchange took", () => {
  const phases = phasesOf({ request_time: 10, wait_time: 4, prompt_time: 1, generation_time: 3 });
  assert.deepEqual(phases.map(({ name, seconds }) => [name, seconds]), [["wait", 4], ["prompt", 1], ["generation", 3], ["sending", 2]]);
  assert.deepEqual(phasesOf({ request_time: 10, upload_time: 4, wait_time: 1, generation_time: 3 }).map(({ name, seconds }) => [name, seconds]), [["sending", 4], ["wait", 1], ["generation", 3], ["sending", 2]]);
  // Ollama's clock and ours differ by a little.
  assert.deepEqual(phasesOf({ request_time: 1, wait_time: 0.9, generation_time: 0.2 }).map(({ seconds }) => Math.round(seconds * 10)), [9, 1]);
  assert.deepEqual(phasesOf({ request_time: 3 }).map(({ name }) => name), ["sending"]);
  assert.deepEqual(phasesOf({}), []);
});
