import assert from "node:assert/strict";
import { test } from "node:test";

import { difference, likeness, words } from "../../../service/inspector/page/text/diff.js";

/** A fixed sequence: a test that fails today fails tomorrow. */
function randomFrom(seed) {
  let state = seed;
  return (below) => (state = (state * 48271) % 2147483647) % below;
}

function longestCommon(one, other) {
  const rows = Array.from({ length: one.length + 1 }, () => new Int32Array(other.length + 1));
  for (let i = 1; i <= one.length; i++) {
    for (let j = 1; j <= other.length; j++) {
      rows[i][j] = one[i - 1] === other[j - 1] ? rows[i - 1][j - 1] + 1 : Math.max(rows[i - 1][j], rows[i][j - 1]);
    }
  }
  return rows[one.length][other.length];
}

const sideOf = (found, left) => found.filter(({ kind }) => kind !== left).map(({ text }) => text).join("");

test("both texts can be put together again from the pieces", () => {
  const random = randomFrom(7);
  for (let round = 0; round < 3000; round++) {
    const [one, other] = [0, 0].map(() => Array.from({ length: random(14) }, () => "abc. "[random(5)] + " ".repeat(random(2))).join(""));
    const found = difference(one, other);
    assert.equal(sideOf(found, "new"), one);
    assert.equal(sideOf(found, "gone"), other);
  }
});

test("as many words as possible are the same", () => {
  const random = randomFrom(11);
  for (let round = 0; round < 1500; round++) {
    // Without blanks, so that none is counted into a replacement.
    const [one, other] = [0, 0].map(() => Array.from({ length: random(20) }, () => ".,;"[random(3)]).join(""));
    const same = difference(one, other).filter(({ kind }) => kind === "same").map(({ text }) => text).join("");
    assert.equal(same.length, longestCommon(words(one), words(other)));
  }
});

test("words that changed together are one change", () => {
  assert.deepEqual(difference("a red car stops", "a blue bus stops."), [
    { kind: "same", text: "a " },
    { kind: "gone", text: "red car" },
    { kind: "new", text: "blue bus" },
    { kind: "same", text: " stops" },
    { kind: "new", text: "." },
  ]);
});

test("scripts without blanks are compared by character, others by word", () => {
  assert.deepEqual(words("天気は"), ["天", "気", "は"]);
  assert.deepEqual(words("l’été n'est  pas"), ["l’été", " ", "n'est", "  ", "pas"]);
});

test("the same texts are wholly alike, texts of other words not at all, empty ones alike", () => {
  assert.equal(likeness(difference("one two", "one two")), 1);
  assert.equal(likeness(difference("one two", "three four")), 0);
  assert.equal(likeness(difference("", "")), 1);
});

test("two long texts without much in common do not hold up the page", () => {
  const random = randomFrom(5);
  const [one, other] = [0, 0].map(() => Array.from({ length: 30_000 }, () => `w${random(3000)}`).join(" "));
  const began = process.cpuUsage().user / 1000;
  const found = difference(one, other);
  assert.ok(process.cpuUsage().user / 1000 - began < 8_000);
  assert.equal(sideOf(found, "new"), one);
  assert.equal(sideOf(found, "gone"), other);
});
