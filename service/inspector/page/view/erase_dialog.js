/** Erasing for good: looked at and counted first, and confirmed by typing how many, where it is more than what is open. */

import { filterUntilNow } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { countMatching } from "../state/matching_count.js";
import { counted, whole } from "../text/format.js";
import { describeView } from "../text/view_description.js";
import { prepareDialog } from "./dialogs.js";
import { byId, element, replace, setText, typedById, within } from "./elements.js";

const MOST_DAYS = 10_000;

/**
 * @typedef {object} Dependencies
 * @property {import("../state/address.js").Address} address
 * @property {(text: string) => void} announce
 * @property {() => void} erased  something is gone: whatever is shown may be out of date
 *
 * @typedef {{id: string} | {query: string}} Target  one exchange by its id, or everything that a query matches
 *
 * @typedef {object} Erased  the answer of DELETE
 * @property {number} erased
 * @property {{asked: boolean, requests: string[], why: string}} [loki]
 * @property {string[]} [notes]
 * @property {{name: string, erased?: number}[]} [recorders]  each of all
 */

/** @param {Dependencies} dependencies */
export function makeEraseDialog({ address, announce, erased }) {
  const dialog = typedById("erase-dialog", HTMLDialogElement);
  const form = typedById("erase-form", HTMLFormElement);
  const [scope, what, result, elsewhere] = [byId("erase-scope"), byId("erase-what"), byId("erase-result"), byId("erase-elsewhere")];
  const confirmation = makeConfirmation();
  const asking = oneAtATime();
  /** A new one each time that something else is looked at: an erasure under way knows by it whose the dialog is. @type {Target} */
  let target = { query: "" };

  async function look() {
    const mine = (target = { query: "" });
    const signal = asking.next();
    confirmation.reset();
    replace(elsewhere);
    const chosen = chosenScope(form, address.view);
    if (!chosen) return setText(what, `Say how many days, from 0 to ${whole(MOST_DAYS)}.`);
    setText(what, "Counting …");
    try {
      const { count, query, isInLoki, troubles } = await countMatching(chosen.query, signal);
      mine.query = query;
      confirmation.expect(count);
      replace(what, count ? element("strong", {}, counted(count, "exchange")) : "Nothing matches", `: ${chosen.words}.`);
      if (!count) return;
      const parts = troubles.map((trouble) => quietPart(`${trouble} It is asked again until it is done.`));
      replace(elsewhere, isInLoki && quietPart("Loki will be asked to delete them too."), ...parts);
    } catch (error) {
      if (!isAborted(error)) setText(what, /** @type {Error} */ (error).message);
    }
  }

  async function erase() {
    const mine = target;
    const path = "id" in mine ? `/exchanges/${encodeURIComponent(mine.id)}` : `/exchanges?${mine.query}&count=${confirmation.count()}`;
    // Without a count nothing that is typed meanwhile erases it twice.
    confirmation.reset();
    replace(result, quietPart("Erasing, and overwriting the bytes …"));
    try {
      /** @type {Erased} */
      const answer = await ask(path, { method: "DELETE" });
      const done = doneText(answer);
      if (mine === target) {
        replace(result);
        scope.hidden = true;
        setText(what, done);
        replace(elsewhere, ...elsewhereParts(answer));
      }
      announce(done);
      erased();
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      if (mine !== target) return announce(message);
      replace(result, element("p", { class: "bad" }, message));
      if ("query" in mine) await look();
      else confirmation.allow();
    }
  }

  /** @param {boolean} isForMany */
  function open(isForMany) {
    confirmation.reset();
    replace(result);
    replace(elsewhere);
    dialog.showModal();
    scope.hidden = !isForMany;
  }

  prepareDialog(dialog, () => {
    asking.stop();
    target = { query: "" };
  });
  scope.addEventListener("change", () => {
    replace(result);
    void look();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (confirmation.isGiven()) void erase();
  });
  byId("erase").addEventListener("click", () => {
    open(true);
    void look();
  });

  return {
    /**
     * @param {string} id
     * @param {string} title
     */
    one(id, title) {
      open(false);
      target = { id };
      confirmation.allow();
      replace(what, element("strong", {}, "One exchange"), `: ${title}. There is no way back.`);
      // Not on what cannot be taken back: the key that opened this may still be down.
      within(form, "[data-close]")?.focus();
    },
  };
}

/** The number that has to be typed before anything can be erased. */
function makeConfirmation() {
  const part = byId("erase-confirmation");
  const typed = typedById("erase-typed", HTMLInputElement);
  const go = typedById("erase-go", HTMLButtonElement);
  /** @type {number | undefined} */
  let count;

  function check() {
    go.disabled = !count || typed.value.replace(/[\s,.'’]/g, "") !== String(count);
  }

  /** @param {number} [expected]  undefined: nothing can be erased now */
  function expect(expected) {
    count = expected;
    typed.value = "";
    part.hidden = !expected;
    setText(byId("erase-number"), whole(expected ?? 0));
    check();
  }

  typed.addEventListener("input", check);
  return {
    expect,
    reset: () => expect(undefined),
    count: () => count,
    isGiven: () => !go.disabled,
    /** What is one exchange, and open, needs no number. */
    allow() {
      go.disabled = false;
    },
  };
}

/**
 * What the form asks for, as a query and in words; undefined where the days make no sense.
 * @param {HTMLFormElement} form
 * @param {import("../state/address.js").View} view
 */
function chosenScope(form, view) {
  const isOlder = String(new FormData(form).get("scope")) === "older";
  if (!isOlder) return { query: filterUntilNow(view), words: describeView(view).join(", ") };
  const age = typedById("erase-days", HTMLInputElement).valueAsNumber;
  if (!(age >= 0 && age <= MOST_DAYS)) return undefined;
  return { query: `to=-${age}d${view.store && `&store=${view.store}`}`, words: `all that is older than ${counted(age, "day")}` };
}

/** @param {Erased} answer */
function doneText({ erased: here, recorders }) {
  const all = recorders?.reduce((sum, { erased = 0 }) => sum + erased, 0) ?? Number(here);
  const names = recorders?.filter(({ erased }) => erased !== undefined).map(({ name }) => name);
  const where = names ? `by ${names.join(", ")}` : "from the journal and its index";
  return `${counted(all, "exchange is", "exchanges are")} erased, ${where}.`;
}

/**
 * What became of the copies that others have.
 * @param {Erased} answer
 */
function elsewhereParts({ loki, notes = [] }) {
  const parts = [loki?.why, ...notes].filter(Boolean).map((note) => quietPart(String(note)));
  const requests = loki?.requests ?? [];
  if (!requests.length) return parts;
  const title = loki?.asked ? "What Loki was asked" : "What deletes them in Loki";
  const list = element("pre", { tabindex: "0", role: "group", "aria-label": "Requests to Loki" }, requests.map(String).join("\n"));
  return [...parts, element("details", { class: "tool" }, element("summary", {}, title), list)];
}

/** @param {string} text */
function quietPart(text) {
  return element("p", { class: "quiet" }, text);
}
