import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { readView } from "../../../service/inspector/page/state/address.js";
import { makeSharedFeed } from "../../../service/inspector/page/state/shared_feed.js";
import { warningText } from "../../../service/inspector/page/text/format.js";

const realFetch = globalThis.fetch;
globalThis.document = { hidden: false };
afterEach(() => {
  globalThis.fetch = realFetch;
  mock.timers.reset();
});

const id = (number) => String(number).padStart(32, "0");
const summary = (second, instance, more = {}) => ({
  instance, exchange: id(second), time: new Date(second * 1000).toISOString(), started: new Date(second * 1000).toISOString(), request_time: 2, ...more,
});

/** Answers in turn with these pages; the last one again and again. */
function answering(...pages) {
  const asked = [];
  globalThis.fetch = async (path) => {
    asked.push(path);
    return new Response(JSON.stringify(pages.length > 1 ? pages.shift() : pages[0]));
  };
  return asked;
}

async function moment() {
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
}

const shown = (feed) => Array.from({ length: feed.count() }, (_, index) => `${feed.at(index).instance} ${Number(feed.at(index).exchange)}`);
const scanned = (from, bytes) => ({ from, bytes, seconds: 0.5 });

test("pages of all recorders follow each other, each exchange of each recorder once", async () => {
  const asked = answering(
    { exchanges: [summary(9, "office"), summary(9, "garage"), summary(8, "office")], next: "/exchanges.json?store=loki&older_than=x", scanned: scanned("2026-11-21T10:00:00Z", 100) },
    { exchanges: [summary(8, "office"), summary(7, "attic")], scanned: scanned("2026-11-20T10:00:00Z", 50) },
  );
  const feed = makeSharedFeed(readView("?store=loki"), () => {});
  await feed.reload();
  assert.deepEqual(shown(feed), ["office 9", "garage 9", "office 8", "attic 7"]);
  assert.match(asked[0], /store=loki/);
  assert.match(asked[1], /older_than=x&limit=500$/);
  assert.equal(feed.hasMore(), false);
  assert.deepEqual(feed.scanned(), { from: "2026-11-20T10:00:00Z", bytes: 150, seconds: 1 });
  feed.stop();
});

test("what Loki warned of is told once, for the whole list", async () => {
  const warned = (from, ...warnings) => ({ ...scanned(from, 1), warnings });
  answering(
    { exchanges: [summary(9, "office")], next: "/exchanges.json?store=loki&older_than=x", scanned: warned("2026-11-21T10:00:00Z", "an ingester is away") },
    { exchanges: [summary(7, "attic")], scanned: warned("2026-11-20T10:00:00Z", "an ingester is away", "too old") },
  );
  const feed = makeSharedFeed(readView("?store=loki"), () => {});
  await feed.reload();
  assert.deepEqual(feed.scanned()?.warnings, ["an ingester is away", "too old"]);
  assert.equal(warningText(feed.scanned()), "Some may be missing, as Loki warns: an ingester is away; too old");
  assert.equal(warningText(scanned("2026-11-20T10:00:00Z", 1)), "");
  feed.stop();
});

test("what ended lately at any recorder is asked for again and again, and comes where its time is", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const now = Math.floor(Date.now() / 1000);
  const asked = answering({ exchanges: [summary(now - 5, "office"), summary(now - 9, "office")] }, { exchanges: [summary(now, "garage"), summary(now - 7, "attic"), summary(now - 9, "office")] });
  const changes = [];
  const feed = makeSharedFeed(readView("?store=loki"), (change) => changes.push(change));
  await feed.reload();
  mock.timers.tick(15_000);
  await moment();
  assert.deepEqual(shown(feed).map((row) => row.split(" ")[0]), ["garage", "office", "attic", "office"]);
  assert.ok(changes.some(({ prepended, isUncounted }) => prepended === 2 && isUncounted));
  const from = new URL(asked[1], "http://recorder").searchParams.get("from");
  assert.ok(Math.abs(Date.parse(from) - (Date.now() - 5 * 60_000)) < 30_000);
  feed.stop();
  mock.timers.tick(60_000);
  await moment();
  assert.equal(asked.length, 2);
});

test("what this recorder hears is not shown, and looked for soon", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const asked = answering({ exchanges: [] });
  const feed = makeSharedFeed(readView("?store=loki"), () => {});
  await feed.reload();
  feed.begun({ exchange: id(1), started: "2026-11-21T12:00:00Z", model: "tiny" });
  assert.equal(feed.count(), 0);
  assert.equal(feed.allInFlight().length, 1);
  assert.equal(feed.ended({ ...summary(1, undefined), number: 7 }), false);
  assert.deepEqual([feed.allInFlight().length, feed.heard()], [0, 7]);
  mock.timers.tick(2_500);
  await moment();
  assert.equal(asked.length, 2);
  feed.stop();
});
