/** What stands beside the list while no exchange is open: who did what, by model, workflow, node, caller or operation. */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { byId, element, replace } from "./elements.js";
import { duration, rate, short, whole } from "../text/format.js";
import { describeView } from "../text/view_description.js";

const GROUPINGS = Object.freeze(["model", "workflow", "node", "caller", "operation"]);
const MOST_ROWS = 40;

/** @typedef {import("../state/address.js").View} View */

/**
 * @param {{view: View, go: (changes: Partial<View>, how?: {replace?: boolean}) => void}} address
 */
export function makeOverview(address) {
  const place = byId("overview");
  const table = element("table", { class: "groups" });
  const heading = element("h2", {}, "Overview");
  const choice = element("div", { class: "segments", role: "group", "aria-label": "Group by" });
  const wide = element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Groups" }, table);
  const keys = element("p", { class: "keys" }, element("kbd", {}, "↑"), " ", element("kbd", {}, "↓"), " choose an exchange  ", element("kbd", {}, "Enter"), " read it  ", element("kbd", {}, "/"), " search  ", element("kbd", {}, "?"), " all keys");
  replace(place, heading, choice, wide, keys);
  const asking = oneAtATime();
  let asked = "";

  const by = () => (GROUPINGS.includes(address.view.by) ? address.view.by : "model");

  async function load() {
    const grouping = by();
    const query = filterOf(address.view, { by: grouping });
    asked = query;
    drawChoice();
    heading.textContent = capital(describeView(address.view).join(", "));
    try {
      const { groups } = await ask(`/stats.json?${query}`, { signal: asking.next() });
      fill(groups, grouping);
    } catch (error) {
      // The list says what is wrong with the filters; saying it twice helps nobody.
      if (!isAborted(error)) replace(table);
    }
  }

  function drawChoice() {
    const had = choice.contains(document.activeElement);
    replace(choice, ...GROUPINGS.map((name) => element("button", {
      type: "button", "aria-pressed": String(name === by()), onclick: () => address.go({ by: name === "model" ? "" : name }, { replace: true }),
    }, name)));
    if (had) /** @type {HTMLElement | null} */ (choice.querySelector("[aria-pressed=true]"))?.focus();
  }

  /**
   * @param {any[]} groups
   * @param {string} grouping  of these: another may have been chosen since
   */
  function fill(groups, grouping) {
    const most = groups.reduce((sum, group) => Math.max(sum, group.calls), 1);
    const head = [grouping, "calls", "failed", "median", "p95", "speed", "tokens out"].map((name) => element("th", { scope: "col" }, name));
    const rows = groups.slice(0, MOST_ROWS).map((group) => {
      const bar = element("span", { class: "share", "aria-hidden": "true" });
      bar.style.width = `${Math.max(1, (group.calls / most) * 100)}%`;
      const name = group.name
        ? element("button", { type: "button", class: "plain", title: `Only ${group.name}`, onclick: () => address.go({ [grouping]: [group.name] }) }, group.name)
        : element("span", { class: "quiet" }, `no ${grouping}`);
      return element(
        "tr", {}, element("th", { scope: "row" }, name, bar), element("td", { title: whole(group.calls) }, short(group.calls)),
        element("td", { class: group.failed ? "bad" : "quiet" }, short(group.failed)), element("td", {}, duration(group.p50)),
        element("td", {}, duration(group.p95)), element("td", {}, rate(group.rate_median) || "–"), element("td", {}, short(group.tokens_out)),
      );
    });
    wide.classList.remove("stale");
    replace(table, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
    table.hidden = rows.length === 0;
    choice.hidden = rows.length === 0;
  }

  return {
    stale() {
      wide.classList.add("stale");
    },
    /** Asks again, unless that is what is shown. `again`: even then, and where it is not in sight as soon as it is */
    async show({ again = false } = {}) {
      if (again) asked = "";
      if (!place.offsetParent) return;
      if (asked !== filterOf(address.view, { by: by() })) await load();
    },
  };
}

/** @param {string} text */
function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}
