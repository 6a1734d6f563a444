/** What stands beside the list while no exchange is open: who uses the machine, what failed, or the week; on a phone in its place. */

import { filterOf } from "../state/address.js";
import { describeFilters, describeView } from "../text/view_description.js";
import { makeBatches } from "./batches.js";
import { byId, element, replace, within } from "./elements.js";
import { makeFailures } from "./failures.js";
import { makeGroups } from "./groups.js";
import { makeWeek } from "./week.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 *
 * @typedef {object} Tab
 * @property {HTMLElement} root
 * @property {() => string} key  what it shows: where that is another, it is to be loaded
 * @property {(isOutdated: boolean) => Promise<void>} load  `isOutdated`: something happened since it asked
 * @property {() => void} stale  what it shows is being asked for anew
 */

const LABELS = Object.freeze(/** @type {const} */ ({ who: "Who uses it", failures: "What failed", week: "The week", models: "Which model" }));
/** @typedef {keyof typeof LABELS} TabName */
const NAMES = Object.freeze(/** @type {TabName[]} */ (Object.keys(LABELS)));
/** What is told of all recorders together. */
const OF_ALL_RECORDERS = Object.freeze(/** @type {TabName[]} */ (["who", "week"]));

/** @param {Address} address */
export function makeOverview(address) {
  const place = byId("overview");
  const heading = element("h2", { tabindex: "-1" }, "Overview");
  const choice = element("div", { class: "segments tabs wraps", role: "group", "aria-label": "Overview of" });
  const back = element("button", { type: "button", class: "back", onclick: () => address.go({ tab: "" }) }, "← Exchanges");
  /** @type {Record<TabName, Tab>} */
  const tabs = { who: makeGroups(address), failures: makeFailures(address), week: makeWeek(address), models: makeBatches(address) };
  replace(place, back, choice, heading, ...NAMES.map((name) => tabs[name].root), keysPart());
  let shown = "";
  let isOutdated = true;

  const offered = () => (address.view.store ? OF_ALL_RECORDERS : NAMES);
  const chosen = () => offered().find((name) => name === address.view.tab) ?? NAMES[0];
  const wanted = () => `${chosen()} ${filterOf(address.view)} ${tabs[chosen()].key()}`;

  async function load() {
    const name = chosen();
    shown = wanted();
    drawChoice(name);
    // The week is whole, whatever part of it the list shows.
    const shownPart = name === "week" ? ["seven days", ...describeFilters(address.view)] : describeView(address.view);
    heading.textContent = capital(shownPart.join(", "));
    for (const other of NAMES) tabs[other].root.hidden = other !== name;
    const wasOutdated = isOutdated;
    isOutdated = false;
    await tabs[name].load(wasOutdated);
  }

  /** @param {TabName} name */
  function drawChoice(name) {
    const hadFocus = choice.contains(document.activeElement);
    replace(choice, ...offered().map((other) => element("button", {
      type: "button", "aria-pressed": String(other === name),
      onclick: () => address.go({ tab: other }, { replace: address.view.tab !== "" }),
    }, LABELS[other])));
    if (hadFocus) within(choice, "[aria-pressed=true]")?.focus();
  }

  return {
    stale() {
      tabs[chosen()].stale();
    },
    /** Asks again, unless that is what is shown. `again`: even then, and where it is not in sight as soon as it is */
    async show({ again = false } = {}) {
      document.body.classList.toggle("overlooking", address.view.tab !== "");
      if (again) [shown, isOutdated] = ["", true];
      if (!place.offsetParent) return;
      if (shown !== wanted()) await load();
    },
  };
}

function keysPart() {
  const key = (/** @type {string} */ name) => element("kbd", {}, name);
  return element(
    "p", { class: "keys" }, key("↑"), " ", key("↓"), " choose an exchange  ", key("Enter"), " read it  ", key("/"), " search  ", key("?"), " all keys",
  );
}

/** @param {string} text */
function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}
