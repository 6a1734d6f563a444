import assert from "node:assert/strict";
import { test } from "node:test";

import { asksTheSame, filterOf, filterUntilNow, isFiltered, makeAddress, momentOf, readView, withoutFilters, writeView } from "../../../service/inspector/page/address.js";
import { inWords, slowerInWords, timeInWords } from "../../../service/inspector/page/wording.js";

test("every view comes back from its address as it was", () => {
  const search = "?q=%22broken+cup%22+-test&failed=true&slower=10&from=-1h&show=ab&by=node&colour=model&model=a%3A7b&model=b%2C+c&workflow=R%C3%A9sum%C3%A9+%26+more";
  const view = readView(search);
  assert.deepEqual(view.model, ["a:7b", "b, c"]);
  assert.deepEqual(view.workflow, ["Résumé & more"]);
  assert.deepEqual(readView(writeView(view)), view);
});

test("what the recorder takes for the same is the same here", () => {
  const id = "ABCDEF0123456789".repeat(2);
  for (const yes of ["true", "1", "Yes"]) assert.equal(readView(`?failed=${yes}`).failed, "true");
  for (const no of ["false", "0", "NO"]) assert.equal(readView(`?truncated=${no}`).truncated, "false");
  assert.equal(readView("?failed=perhaps").failed, "perhaps");
  assert.deepEqual(readView(`?exchange=${id}&exchange=${id.toLowerCase()}&show=${id}`).exchange, [id.toLowerCase()]);
  assert.equal(readView(`?show=${id}`).show, id.toLowerCase());
});

test("the plain page has a plain address", () => {
  assert.equal(writeView(readView("")), "");
  assert.equal(writeView(readView("?unknown=1&model=")), "");
});

test("no time means the last day, and all means all", () => {
  assert.equal(filterOf(readView("")), "from=-24h");
  assert.equal(filterOf(readView("?from=all")), "");
  assert.equal(filterOf(readView("?to=2026-11-21")), "to=2026-11-21");
});

test("what is the page's alone is never sent to the recorder", () => {
  assert.equal(filterOf(readView("?show=ab&by=node&colour=model&from=all&model=x"), { limit: 5 }), "model=x&limit=5");
  assert.ok(asksTheSame(readView("?show=ab"), readView("?by=node&from=-24h")));
});

test("a time alone is no filter, and clearing the filters keeps it", () => {
  assert.equal(isFiltered(readView("?from=-7d&to=-1d&show=ab")), false);
  assert.equal(isFiltered(readView("?q=word")), true);
  assert.equal(writeView(withoutFilters(readView("?q=word&model=x&from=-7d&show=ab"))), "?from=-7d&show=ab");
});

test("moments are read as the recorder reads them, wherever the reader is", () => {
  process.env.TZ = "America/New_York";
  const now = Date.UTC(2026, 10, 21, 12);
  assert.equal(momentOf("now", now), now);
  assert.equal(momentOf("-1.5h", now), now - 5_400_000);
  assert.equal(momentOf("1795262400.5", now), 1_795_262_400_500);
  for (const said of ["2026-11-21T08:30", "2026-11-21 08:30:00", "2026-11-21t08:30:00z", "2026-11-21 08:30Z", "2026-11-21T08:30:00,0004", "2026-11-21T10:30:00 02:00", "2026-11-21 03:30-0500"]) {
    assert.equal(momentOf(said, now), Date.UTC(2026, 10, 21, 8, 30), said);
  }
  assert.equal(momentOf("2026-11-21T08:30:00.25", now), Date.UTC(2026, 10, 21, 8, 30, 0, 250));
  assert.equal(momentOf("2026-11-21", now), Date.UTC(2026, 10, 21));
  assert.equal(momentOf("2026-11-21", now, true), Date.UTC(2026, 10, 22));
  for (const said of ["soon", "-2min", "21 Nov 2026", "2026-11", "2026-11-21T08"]) assert.ok(Number.isNaN(momentOf(said, now)), said);
});

test("what is exported or erased has an end, now if no other is said", () => {
  assert.equal(filterUntilNow(readView("?model=x")), "from=-24h&model=x&to=now");
  assert.equal(filterUntilNow(readView("?from=all")), "to=now");
  assert.equal(filterUntilNow(readView("?to=-1d")), "to=-1d");
});

test("a view is said in words", () => {
  assert.deepEqual(inWords(readView("?from=-1h&model=a&model=b&failed=true&slower=10")), ["the last hour", "model a or b", "failed", "slower than 10 s"]);
  assert.equal(timeInWords(readView("?from=all")), "all time");
  assert.equal(timeInWords(readView("?from=nonsense")), "a time");
});

test("a change of the view is a step to go back to, unless it replaces", () => {
  const steps = [];
  const listeners = {};
  const window = {
    location: { search: "", pathname: "/" },
    history: {
      pushState: (_state, _title, target) => (steps.push(["push", target]), (window.location.search = target.slice(1))),
      replaceState: (_state, _title, target) => (steps.push(["replace", target]), (window.location.search = target.slice(1))),
    },
    addEventListener: (name, listener) => (listeners[name] = listener),
  };
  const seen = [];
  const address = makeAddress(window, (view, before) => seen.push([before.q, view.q]));
  address.go({ q: "a" });
  address.go({ q: "a" });
  address.go({ q: "ab" }, { replace: true });
  window.location.search = "";
  listeners.popstate();
  assert.deepEqual(steps, [["push", "/?q=a"], ["replace", "/?q=ab"]]);
  assert.deepEqual(seen, [["", "a"], ["a", "ab"], ["ab", ""]]);
  assert.equal(address.of({ show: "x" }), "/?show=x");
});

test("how slow is said with one unit", () => {
  assert.equal(slowerInWords("10"), "slower than 10 s");
  assert.equal(slowerInWords("300ms"), "slower than 300ms");
});
