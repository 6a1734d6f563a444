/** What stands beside the list while no exchange is open: who did what, by model, workflow, node, caller, task, operation or kind of cut. */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { GROUPINGS } from "../state/tables.js";
import { duration, rate, short, whole } from "../text/format.js";
import { describeView, valueText } from "../text/view_description.js";
import { byId, element, replace, within } from "./elements.js";
import { makeLimits } from "./limits.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {(typeof GROUPINGS)[number]} Grouping
 *
 * @typedef {object} Group  of /stats.json
 * @property {string} name  "": those without one
 * @property {number} calls
 * @property {number} failed
 * @property {number | null} p50  seconds
 * @property {number | null} p95  seconds
 * @property {number} tokens_out
 * @property {number | null} rate_median  tokens per second
 */

const MOST_ROWS = 40;
const COLUMNS = Object.freeze(["calls", "failed", "median", "p95", "speed", "tokens out"]);

/** @param {Address} address */
export function makeOverview(address) {
  const place = byId("overview");
  const table = element("table", { class: "groups" });
  const heading = element("h2", {}, "Overview");
  const choice = element("div", { class: "segments", role: "group", "aria-label": "Group by" });
  const wide = element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Groups" }, table);
  const limits = makeLimits();
  replace(place, heading, choice, wide, limits.root, keysPart());
  const asking = oneAtATime();
  let asked = "";

  const grouping = () => GROUPINGS.find((name) => name === address.view.by) ?? GROUPINGS[0];

  async function load() {
    const by = grouping();
    asked = filterOf(address.view, { by });
    drawChoice(choice, by, address);
    heading.textContent = capital(describeView(address.view).join(", "));
    void limits.load();
    try {
      /** @type {{groups: Group[]}} */
      const { groups } = await ask(`/stats.json?${asked}`, { signal: asking.next() });
      wide.classList.remove("stale");
      replace(table, ...tableParts(groups, by, address));
      table.hidden = choice.hidden = groups.length === 0;
    } catch (error) {
      // The list tells what is wrong with the filters; telling it twice helps nobody.
      if (!isAborted(error)) replace(table);
    }
  }

  return {
    stale() {
      wide.classList.add("stale");
    },
    /** Asks again, unless that is what is shown. `again`: even then, and where it is not in sight as soon as it is */
    async show({ again = false } = {}) {
      if (again) asked = "";
      if (!place.offsetParent) return;
      if (asked !== filterOf(address.view, { by: grouping() })) await load();
    },
  };
}

function keysPart() {
  const key = (/** @type {string} */ name) => element("kbd", {}, name);
  return element(
    "p", { class: "keys" }, key("↑"), " ", key("↓"), " choose an exchange  ", key("Enter"), " read it  ", key("/"), " search  ", key("?"), " all keys",
  );
}

/**
 * @param {HTMLElement} choice
 * @param {Grouping} by
 * @param {Address} address
 */
function drawChoice(choice, by, address) {
  const hadFocus = choice.contains(document.activeElement);
  replace(choice, ...GROUPINGS.map((name) => element("button", {
    type: "button", "aria-pressed": String(name === by), onclick: () => address.go({ by: name === GROUPINGS[0] ? "" : name }, { replace: true }),
  }, name)));
  if (hadFocus) within(choice, "[aria-pressed=true]")?.focus();
}

/**
 * @param {Group[]} groups
 * @param {Grouping} by  of these: another may have been chosen since
 * @param {Address} address
 */
function tableParts(groups, by, address) {
  const most = groups.reduce((sum, group) => Math.max(sum, group.calls), 1);
  const head = [by, ...COLUMNS].map((name) => element("th", { scope: "col" }, name));
  const rows = groups.slice(0, MOST_ROWS).map((group) => rowPart(group, by, most, address));
  return [element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)];
}

/**
 * @param {Group} group
 * @param {Grouping} by
 * @param {number} most  calls of one group
 * @param {Address} address
 */
function rowPart(group, by, most, address) {
  const bar = element("span", { class: "share", "aria-hidden": "true" });
  bar.style.width = `${Math.max(1, (group.calls / most) * 100)}%`;
  const label = valueText(by, group.name);
  const name = element("button", {
    type: "button", class: group.name ? "plain" : "plain quiet", title: `Only ${label}`, onclick: () => address.go({ [by]: [group.name] }),
  }, label);
  return element(
    "tr", {}, element("th", { scope: "row" }, name, bar), element("td", { title: whole(group.calls) }, short(group.calls)),
    element("td", { class: group.failed ? "bad" : "quiet" }, short(group.failed)), element("td", {}, duration(group.p50)),
    element("td", {}, duration(group.p95)), element("td", {}, rate(group.rate_median) || "–"), element("td", {}, short(group.tokens_out)),
  );
}

/** @param {string} text */
function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}
