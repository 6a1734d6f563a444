import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { readView } from "../../../service/inspector/page/state/address.js";
import { makeFeed } from "../../../service/inspector/page/state/feed.js";

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

const id = (number) => String(number).padStart(32, "0");
const summary = (number, more = {}) => ({ number, exchange: id(number), time: "2026-11-21T12:00:00Z", started: "2026-11-21T11:59:58Z", request_time: 2, outcome: "completed", failed: false, prompt: "Hi", ...more });

/** A recorder that has `numbers`, newest first, and answers with at most `most` of them. */
function recorder(numbers, most = Infinity) {
  const asked = [];
  globalThis.fetch = async (path, { signal } = {}) => {
    asked.push(path);
    const query = new URL(path, "http://recorder").searchParams;
    const limit = Math.min(Number(query.get("limit") ?? 50), most);
    const [before, after] = [Number(query.get("before") ?? Infinity), Number(query.get("after") ?? 0)];
    const found = numbers.filter((number) => number < before && number > after);
    const shown = found.slice(0, limit);
    const answer = { exchanges: shown.map((number) => summary(number)), complete: true };
    if (found.length > shown.length) {
      query.set("before", String(shown.at(-1)));
      answer.next = `/exchanges.json?${query}`;
    }
    await null;
    signal?.throwIfAborted();
    return new Response(JSON.stringify(answer));
  };
  return asked;
}

/** Until what was asked is answered. */
async function moment() {
  for (let turn = 0; turn < 10; turn++) await new Promise((done) => setImmediate(done));
}

const descending = (count) => Array.from({ length: count }, (_, index) => count - index);
const shown = (feed) => Array.from({ length: feed.count() }, (_, index) => (feed.at(index).isOpen ? "open" : feed.at(index).number));

test("pages follow each other to the last exchange, each exchange once", async () => {
  recorder(descending(1234));
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  while (feed.hasMore()) await feed.more();
  assert.deepEqual(shown(feed), descending(1234));
});

test("answers that end early are put together until there is something to see", async () => {
  const asked = recorder(descending(300), 10);
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  assert.ok(feed.count() >= 50);
  assert.ok(asked.length >= 5);
  assert.equal(feed.isLoading(), false);
});

test("one that ended comes on top, once, however often it is told", async () => {
  recorder(descending(3));
  let prepended = 0;
  const feed = makeFeed(readView(""), (what) => (prepended += what.prepended ?? 0));
  await feed.reload();
  assert.equal(feed.ended(summary(4)), true);
  feed.ended(summary(4));
  feed.ended(summary(6));
  feed.ended(summary(5));
  assert.deepEqual(shown(feed), [6, 5, 4, 3, 2, 1]);
  assert.equal(prepended, 3);
});

test("the list of the last hour is that an hour later too", async (context) => {
  context.mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-11-21T12:30:00Z") });
  recorder(descending(150));
  for (const [search, rest] of [["?from=-1h", [151]], ["?from=2026-11-21T11:00:00Z", [151, ...descending(150).slice(0, 100)]]]) {
    const feed = makeFeed(readView(search), () => {});
    await feed.reload();
    feed.ended(summary(151, { time: "2026-11-21T12:29:59Z" }));
    feed.dropPassed();
    assert.equal(feed.count(), 101);
    context.mock.timers.setTime(Date.parse("2026-11-21T13:15:00Z"));
    feed.dropPassed();
    assert.deepEqual(shown(feed), rest);
    assert.equal(feed.hasMore(), rest.length > 1);
    context.mock.timers.setTime(Date.parse("2026-11-21T12:30:00Z"));
  }
});

test("a list that is as long as it may be stays as long", async () => {
  const exchanges = descending(200_000).map((number) => ({ number }));
  globalThis.fetch = async () => ({ ok: true, json: async () => ({ exchanges }) });
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  feed.ended(summary(200_001));
  assert.deepEqual([feed.count(), feed.at(0).number, feed.isFull()], [200_000, 200_001, true]);
});

test("one that the filters leave out does not come", async () => {
  recorder([]);
  const feed = makeFeed(readView("?failed=true"), () => {});
  await feed.reload();
  assert.equal(feed.ended(summary(1)), false);
  assert.equal(feed.count(), 0);
});

test("those in flight stand first, newest first, until they end", async () => {
  recorder(descending(1));
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  feed.hello({ in_flight: [{ exchange: id(8), started: "2026-11-21T12:00:00Z" }], number: 1 });
  feed.begun({ exchange: id(9), started: "2026-11-21T12:00:05Z" });
  feed.progress({ exchange: id(9), text: "so far" });
  assert.deepEqual([feed.at(0).exchange, feed.at(1).exchange, feed.countInFlight()], [id(9), id(8), 2]);
  assert.equal(feed.at(0).answer, "so far");
  feed.ended(summary(2, { exchange: id(9) }));
  assert.deepEqual([feed.count(), feed.countInFlight(), feed.indexOf(id(9))], [3, 1, 1]);
});

test("what nobody can know yet of one in flight leaves it out of views that ask for it", async () => {
  recorder([]);
  for (const search of ["?failed=true", "?q=word", "?status=200", "?slower=5", "?model=other"]) {
    const feed = makeFeed(readView(search), () => {});
    feed.begun({ exchange: id(9), started: "2026-11-21T12:00:05Z", model: "m" });
    assert.equal(feed.countInFlight(), 0, search);
  }
});

test("those in flight that only their end can bring into a view are counted until then", () => {
  recorder([]);
  for (const [search, awaited] of /** @type {[string, number][]} */ ([["?q=word", 1], ["?failed=true&model=m", 1], ["?slower=5", 1], ["?outcome=completed", 1], ["", 0], ["?model=m", 0], ["?q=word&model=other", 0], ["?q=word&to=2020-01-01", 0]])) {
    let changes = 0;
    const feed = makeFeed(readView(search), () => changes++);
    feed.begun({ exchange: id(9), started: "2026-11-21T12:00:05Z", model: "m" });
    assert.equal(feed.awaited(), awaited, search);
    const before = changes;
    feed.ended(summary(2, { exchange: id(9), model: "other" }));
    assert.equal(feed.awaited(), 0, search);
    assert.ok(changes > before, search);
    feed.stop();
  }
});

test("what was missed while nobody listened is asked for, and only that", async () => {
  const numbers = descending(3);
  const asked = recorder(numbers);
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  numbers.unshift(5, 4);
  feed.hello({ in_flight: [], number: 5 });
  await moment();
  assert.ok(asked.at(-1).includes("after=3"));
  assert.deepEqual(shown(feed), [5, 4, 3, 2, 1]);
});

test("what the recorder tells while the first page is under way is caught up with", async () => {
  const numbers = descending(1);
  recorder(numbers);
  const feed = makeFeed(readView(""), () => {});
  const loading = feed.reload();
  numbers.unshift(2);
  feed.hello({ in_flight: [], number: 2 });
  await loading;
  await moment();
  assert.deepEqual(shown(feed), [2, 1]);
});

test("a search asks again until the index has come to what ended last", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const numbers = descending(1);
  const asked = recorder(numbers);
  const feed = makeFeed(readView("?q=word"), () => {});
  await feed.reload();
  for (const number of [2, 3, 4]) feed.ended(summary(number));
  for (const indexed of [[2], [], [4, 3]]) {
    numbers.unshift(...indexed);
    context.mock.timers.tick(2_000);
    await moment();
  }
  assert.deepEqual(shown(feed), [4, 3, 2, 1]);
  const soFar = asked.length;
  context.mock.timers.tick(60_000);
  await moment();
  assert.equal(asked.length, soFar);
});

test("what is never found is not asked for for ever", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = recorder([]);
  const feed = makeFeed(readView("?q=word"), () => {});
  await feed.reload();
  feed.ended(summary(1));
  for (let tries = 0; tries < 100; tries++) {
    context.mock.timers.tick(10_000);
    await moment();
  }
  assert.ok(asked.length < 30);
});

test("more than can be caught up with at once is a list to load anew, also where there was nothing", async () => {
  const numbers = [];
  recorder(numbers);
  let isOutdated = false;
  const feed = makeFeed(readView(""), (what) => (isOutdated ||= Boolean(what.isOutdated)));
  await feed.reload();
  numbers.push(...descending(600));
  feed.hello({ in_flight: [], number: 600 });
  await moment();
  assert.deepEqual([isOutdated, feed.count()], [true, 0]);
});

test("a list that was left tells nothing any more", async () => {
  const numbers = descending(1);
  recorder(numbers);
  let told = 0;
  const feed = makeFeed(readView(""), () => told++);
  await feed.reload();
  numbers.unshift(3, 2);
  feed.hello({ in_flight: [], number: 3 });
  const before = told;
  feed.stop();
  await moment();
  assert.equal(told, before);
});

test("one that ends while the first page is under way is not lost", async () => {
  const numbers = descending(2);
  recorder(numbers);
  const answer = globalThis.fetch;
  let release = () => {};
  globalThis.fetch = async (path) => {
    const early = await answer(path);
    await new Promise((done) => (release = done));
    return early;
  };
  const feed = makeFeed(readView(""), () => {});
  const loading = feed.reload();
  await new Promise((done) => setImmediate(done));
  feed.ended(summary(3));
  numbers.unshift(3);
  globalThis.fetch = answer;
  release();
  await loading;
  await moment();
  assert.deepEqual(shown(feed), [3, 2, 1]);
});

test("trouble is kept for whoever draws, and trying again goes on where it was", async () => {
  globalThis.fetch = async () => new Response(JSON.stringify({ error: "The phrase has no end." }), { status: 400 });
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  assert.deepEqual([feed.trouble().message, feed.trouble().status, feed.isLoading()], ["The phrase has no end.", 400, false]);
  recorder(descending(2));
  await feed.retry();
  assert.deepEqual([feed.trouble(), feed.count()], [undefined, 2]);
});

test("a recorder that is not there is said to be not there", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  const feed = makeFeed(readView(""), () => {});
  await feed.reload();
  assert.match(feed.trouble().message, /does not answer/);
});
