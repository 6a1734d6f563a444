import assert from "node:assert/strict";
import { test } from "node:test";

import { asksTheSame, filterOf, filterUntilNow, isFiltered, makeAddress, readView, withoutFilters, writeView } from "../../../service/inspector/page/state/address.js";

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
  assert.equal(readView("?truncated=Unknown").truncated, "unknown");
  assert.equal(readView("?failed=perhaps").failed, "perhaps");
  assert.deepEqual(readView(`?exchange=${id}&exchange=${id.toLowerCase()}&show=${id}`).exchange, [id.toLowerCase()]);
  assert.equal(readView(`?show=${id}`).show, id.toLowerCase());
});

test("the plain page has a plain address", () => {
  assert.equal(writeView(readView("")), "");
  assert.equal(writeView(readView("?unknown=1&q=&slower=&exchange=")), "");
});

test("an empty value of a facet asks for exchanges without one", () => {
  assert.deepEqual(readView("?node=&node=%20&node=a").node, ["", "a"]);
  assert.equal(writeView(readView("?task=")), "?task=");
  assert.equal(filterOf(readView("?from=all&task=&node=a&node=")), "node=a&node=&task=");
  assert.equal(isFiltered(readView("?task=")), true);
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

test("what is exported or erased has an end, now if no other is said", () => {
  assert.equal(filterUntilNow(readView("?model=x")), "from=-24h&model=x&to=now");
  assert.equal(filterUntilNow(readView("?from=all")), "to=now");
  assert.equal(filterUntilNow(readView("?to=-1d")), "to=-1d");
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
