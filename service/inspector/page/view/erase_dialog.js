/** Erasing for good: looked at and counted first, and confirmed by typing how many, where it is more than what is open. */

import { filterUntilNow } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { prepareDialog } from "./dialogs.js";
import { byId, element, replace, say } from "./elements.js";
import { counted, whole } from "../text/format.js";
import { describeView } from "../text/view_description.js";

const MOST_DAYS = 10_000;

/**
 * @typedef {object} Dependencies
 * @property {{view: import("../state/address.js").View}} address
 * @property {(text: string) => void} announce
 * @property {() => void} erased  something is gone: whatever is shown may be out of date
 *
 * @typedef {{id: string} | {query: string}} Target  one exchange by its id, or everything that a query matches
 */

/** @param {Dependencies} dependencies */
export function makeErasing({ address, announce, erased }) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("erase-dialog"));
  const form = /** @type {HTMLFormElement} */ (byId("erase-form"));
  const scope = byId("erase-scope");
  const days = /** @type {HTMLInputElement} */ (byId("erase-days"));
  const what = byId("erase-what");
  const typed = /** @type {HTMLInputElement} */ (byId("erase-typed"));
  const confirmation = byId("erase-confirmation");
  const go = /** @type {HTMLButtonElement} */ (byId("erase-go"));
  const result = byId("erase-result");
  const elsewhere = byId("erase-elsewhere");
  const asking = oneAtATime();
  /** A new one each time that something else is looked at: an erasure under way knows by it whose the dialog is. @type {Target} */
  let target = { query: "" };
  /** @type {number | undefined} */
  let count;

  /** @param {number | undefined} found */
  function setCount(found) {
    count = found;
    typed.value = "";
    confirmation.hidden = !found;
    say(byId("erase-number"), whole(found ?? 0));
    check();
  }

  function check() {
    go.disabled = !count || typed.value.replace(/[\s,.'’]/g, "") !== String(count);
  }

  async function look() {
    const mine = (target = { query: "" });
    const signal = asking.next();
    setCount(undefined);
    replace(elsewhere);
    const isOlder = String(new FormData(form).get("scope")) === "older";
    const age = days.valueAsNumber;
    if (isOlder && !(age >= 0 && age <= MOST_DAYS)) return say(what, `Say how many days, from 0 to ${whole(MOST_DAYS)}.`);
    const words = isOlder ? `all that is older than ${counted(age, "day")}` : describeView(address.view).join(", ");
    say(what, "Counting …");
    try {
      const asked = isOlder ? `to=-${age}d` : filterUntilNow(address.view);
      const said = await ask(`/erasing.json?${asked}`, { signal });
      // What was counted is what is erased: in what the recorder says no time is relative any more.
      mine.query = new URLSearchParams(said.filter).toString();
      setCount(Number(said.count));
      replace(what, count ? element("strong", {}, counted(Number(said.count), "exchange")) : "Nothing matches", `: ${words}.`);
      if (count && said.loki) replace(elsewhere, element("p", { class: "quiet" }, "Loki will be asked to delete them too."));
    } catch (error) {
      if (!isAborted(error)) say(what, /** @type {Error} */ (error).message);
    }
  }

  /**
   * What became of the copies that others have.
   * @param {any} said  the answer of DELETE
   */
  function sayElsewhere(said) {
    const requests = said.loki?.requests ?? [];
    const notes = [said.loki?.why, ...(said.notes ?? [])].filter(Boolean);
    replace(
      elsewhere, ...notes.map((note) => element("p", { class: "quiet" }, String(note))),
      requests.length ? element("details", { class: "tool" }, element("summary", {}, said.loki.asked ? "What Loki was asked" : "What deletes them in Loki"), element("pre", { tabindex: "0", role: "group", "aria-label": "Requests to Loki" }, requests.map(String).join("\n"))) : null,
    );
  }

  async function erase() {
    const mine = target;
    const path = "id" in mine ? `/exchanges/${encodeURIComponent(mine.id)}` : `/exchanges?${mine.query}&count=${count}`;
    // Without a count nothing that is typed meanwhile erases it twice.
    setCount(undefined);
    replace(result, element("p", { class: "quiet" }, "Erasing, and overwriting the bytes …"));
    try {
      const said = await ask(path, { method: "DELETE" });
      const done = `${counted(Number(said.erased), "exchange is", "exchanges are")} erased, from the journal and its index.`;
      if (mine === target) {
        replace(result);
        scope.hidden = true;
        say(what, done);
        sayElsewhere(said);
      }
      announce(done);
      erased();
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      if (mine !== target) return announce(message);
      replace(result, element("p", { class: "bad" }, message));
      if ("query" in mine) await look();
      else go.disabled = false;
    }
  }

  function open() {
    setCount(undefined);
    replace(result);
    replace(elsewhere);
    dialog.showModal();
  }

  prepareDialog(dialog, () => {
    asking.stop();
    target = { query: "" };
  });
  typed.addEventListener("input", check);
  scope.addEventListener("change", () => {
    replace(result);
    void look();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!go.disabled) void erase();
  });
  byId("erase").addEventListener("click", () => {
    open();
    scope.hidden = false;
    void look();
  });

  return {
    /**
     * @param {string} id
     * @param {string} title
     */
    one(id, title) {
      open();
      scope.hidden = true;
      target = { id };
      go.disabled = false;
      replace(what, element("strong", {}, "One exchange"), `: ${title}. There is no way back.`);
      // Not on what cannot be taken back: the key that opened this may still be down.
      /** @type {HTMLElement | null} */ (form.querySelector("[data-close]"))?.focus();
    },
  };
}
