import assert from "node:assert/strict";
import { test } from "node:test";

import { addressAt, isOwn, knowsAllRecorders, setRecorders } from "../../../service/inspector/page/state/recorders.js";

test("another recorder's exchange is at its own address, if that is known and an address", () => {
  const status = { stores: ["journal", "loki"], peers: { garage: "http://garage:8080", odd: "javascript:alert(1)" }, journal: { instance: "office" } };
  assert.equal(setRecorders(status), true);
  assert.equal(setRecorders(status), false);
  assert.equal(addressAt("garage", "ab"), "http://garage:8080/?from=all&show=ab");
  assert.equal(addressAt("odd", "ab"), "");
  assert.equal(addressAt("attic", "ab"), "");
  assert.equal(addressAt("constructor", "ab"), "");
  assert.deepEqual([isOwn("office"), isOwn("garage"), isOwn("")], [true, false, false]);
  assert.equal(knowsAllRecorders(), true);
});

test("without a Loki there are no other recorders", () => {
  setRecorders({ stores: ["journal"] });
  assert.deepEqual([knowsAllRecorders(), addressAt("garage", "ab"), isOwn("")], [false, "", false]);
});
