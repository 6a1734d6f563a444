/** Erasing for good: looked at and counted first, and confirmed by typing how many, where it is more than what is open. */

import { filterUntilNow } from "./address.js";
import { ask, isAborted, oneAtATime } from "./api.js";
import { prepareDialog } from "./dialogs.js";
import { byId, element, replace, say } from "./elements.js";
import { counted, whole } from "./format.js";
import { inWords } from "./wording.js";

/**
 * @typedef {object} Dependencies
 * @property {{view: import("./address.js").View}} address
 * @property {(text: string) => void} announce
 * @property {() => void} erased  something is gone: whatever is shown may be out of date
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
  /** One exchange by its id, or everything that a query matches. @type {{id: string} | {query: string}} */
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
    const isOlder = String(new FormData(form).get("scope")) === "older";
    const words = isOlder ? `all that is older than ${counted(Number(days.value), "day")}` : inWords(address.view).join(", ");
    setCount(undefined);
    replace(elsewhere);
    say(what, "Counting …");
    try {
      const asked = isOlder ? `to=-${Number(days.value)}d` : filterUntilNow(address.view);
      const said = await ask(`/erasing.json?${asked}`, { signal: asking.next() });
      // What was counted is what is erased: in what the recorder says no time is relative any more.
      target = { query: new URLSearchParams(said.filter).toString() };
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
    go.disabled = true;
    const path = "id" in target ? `/exchanges/${encodeURIComponent(target.id)}` : `/exchanges?${target.query}&count=${count}`;
    replace(result, element("p", { class: "quiet" }, "Erasing, and overwriting the bytes …"));
    try {
      const said = await ask(path, { method: "DELETE" });
      replace(result);
      setCount(undefined);
      scope.hidden = true;
      say(what, `${counted(Number(said.erased), "exchange is", "exchanges are")} erased, from the journal and its index.`);
      sayElsewhere(said);
      announce(what.textContent ?? "");
      erased();
    } catch (error) {
      const isOther = /** @type {any} */ (error).status === 409 && "query" in target;
      replace(result, element("p", { class: "bad" }, /** @type {Error} */ (error).message));
      if (isOther) await look();
      else if ("query" in target) check();
      else go.disabled = false;
    }
  }

  function open() {
    replace(result);
    replace(elsewhere);
    dialog.showModal();
  }

  prepareDialog(dialog, () => asking.stop());
  typed.addEventListener("input", check);
  scope.addEventListener("change", () => void look());
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
      setCount(undefined);
      go.disabled = false;
      replace(what, element("strong", {}, "One exchange"), `: ${title}. There is no way back.`);
      // Not on what cannot be taken back: the key that opened this may still be down.
      /** @type {HTMLElement | null} */ (form.querySelector("[data-close]"))?.focus();
    },
  };
}
