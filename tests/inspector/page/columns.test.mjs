import assert from "node:assert/strict";
import { test } from "node:test";

import { readView, withoutFilters, writeView } from "../../../service/inspector/page/state/address.js";
import { chosenColumns, toggledColumns } from "../../../service/inspector/page/state/columns.js";

const kept = new Map();
globalThis.localStorage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
const chosen = (search) => chosenColumns(readView(search));

test("without a choice there is the speed, and the address says another one in any order", () => {
  assert.deepEqual(chosen(""), ["speed"]);
  assert.deepEqual(chosen("?columns=user,wait"), ["wait", "user"]);
  assert.deepEqual(chosen("?columns=none"), []);
  assert.deepEqual(chosen("?columns=__proto__,constructor,wait,wait"), ["wait"]);
});

test("a choice is kept, and the address goes before it", () => {
  assert.equal(toggledColumns(readView(""), "wait"), "wait,speed");
  assert.deepEqual(chosen(""), ["wait", "speed"]);
  assert.deepEqual(chosen("?columns=tokens"), ["tokens"]);
  assert.equal(toggledColumns(readView("?columns=tokens"), "tokens"), "none");
  assert.deepEqual(chosen(""), []);
});

test("no column is a filter", () => {
  const view = withoutFilters(readView("?columns=wait&model=m"));
  assert.equal(writeView(view), "?columns=wait");
});

test("where a browser keeps nothing a choice holds for as long as the page", () => {
  globalThis.localStorage = { getItem() { throw new Error("forbidden"); }, setItem() { throw new Error("forbidden"); } };
  toggledColumns(readView("?columns=none"), "user");
  assert.deepEqual(chosen(""), ["user"]);
});
