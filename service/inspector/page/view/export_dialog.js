/** Saving what the view matches: chats for fine-tuning, whole records, a table, or a HAR file. */

import { filterUntilNow } from "../state/address.js";
import { ask, isAborted, oneAtATime, send } from "../state/api.js";
import { prepareDialog } from "./dialogs.js";
import { byId, copy, element, say } from "./elements.js";
import { counted, size, whole } from "../text/format.js";
import { describeView } from "../text/view_description.js";

/** Larger exports go straight to the disk, and the browser shows how far they are. */
const MOST_IN_PAGE = 50_000;

/** What one line is, where each is one of them: a cell of a table may hold line breaks. */
const NAMES = Object.freeze(/** @type {Record<string, string>} */ ({ "chat.jsonl": "chat", jsonl: "record" }));

/** What only chats can be asked for; the names of the boxes in the form. */
const CHAT_OPTIONS = Object.freeze(["drop_system", "thinking", "all"]);

/** @param {{address: {view: import("../state/address.js").View}, announce: (text: string) => void, isSignedIn: () => boolean}} dependencies */
export function makeExporting({ address, announce, isSignedIn }) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("export-dialog"));
  const form = /** @type {HTMLFormElement} */ (byId("export-form"));
  const what = byId("export-what");
  const progress = byId("export-progress");
  const bar = /** @type {HTMLProgressElement} */ (byId("export-bar"));
  const stop = byId("export-stop");
  const saving = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
  const chatOptions = byId("chat-options");
  const asking = oneAtATime();
  /** @type {AbortController | undefined} */
  let running;
  /** The filter, with absolute times as soon as the recorder has said them. */
  let query = "";
  /** @type {number | undefined} */
  let count;

  const chosen = () => String(new FormData(form).get("format"));

  function path() {
    const options = new FormData(form);
    const asked = new URLSearchParams(query);
    for (const option of CHAT_OPTIONS) if (chosen() === "chat.jsonl" && options.has(option)) asked.set(option, "true");
    return `/exchanges.${chosen()}?${asked}`;
  }

  async function open() {
    query = filterUntilNow(address.view);
    count = undefined;
    saving.disabled = false;
    const words = describeView(address.view).join(", ");
    say(what, `All that matches: ${words}.`);
    reset();
    dialog.showModal();
    try {
      const said = await ask(`/erasing.json?${query}`, { signal: asking.next() });
      query = new URLSearchParams(said.filter).toString();
      const matching = Number(said.count);
      count = matching;
      say(what, `${counted(matching, "exchange")}: ${words}.`);
    } catch (error) {
      if (isAborted(error)) return;
      say(what, /** @type {Error} */ (error).message);
      saving.disabled = true;
    }
  }

  function reset() {
    progress.hidden = true;
    stop.hidden = true;
    chatOptions.hidden = chosen() !== "chat.jsonl";
  }

  async function save() {
    if (count === undefined || count > MOST_IN_PAGE) {
      saveAs(path(), "");
      say(byId("export-message"), "It is being saved; the browser shows how far it is.");
      progress.hidden = false;
      bar.hidden = true;
      return;
    }
    running?.abort();
    const mine = (running = new AbortController());
    progress.hidden = stop.hidden = bar.hidden = false;
    bar.removeAttribute("value");
    say(byId("export-message"), "Waiting for the first record …");
    const format = chosen();
    try {
      const answer = await send(path(), { signal: mine.signal });
      const passed = counter(NAMES[format] ? count : 0);
      const blob = await new Response(answer.body?.pipeThrough(passed.stream)).blob();
      const address = URL.createObjectURL(blob);
      saveAs(address, nameOf(answer));
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      bar.value = 1;
      const done = savedInWords(format, passed.lines(), blob.size);
      announce(done);
      say(byId("export-message"), done);
    } catch (error) {
      // The next one has the bar now, and made this one stop.
      if (running !== mine) return;
      say(byId("export-message"), isAborted(error) ? "You stopped it; nothing was saved." : `${/** @type {Error} */ (error).message} Nothing was saved.`);
      bar.hidden = true;
    } finally {
      if (running === mine) stop.hidden = true;
    }
  }

  /**
   * Lets bytes through and says how many lines they were.
   * @param {number} expected  records that match, or 0 where a record is not a line
   */
  function counter(expected) {
    let [lines, bytes, shownAt] = [0, 0, 0];
    const stream = new TransformStream({
      transform(/** @type {Uint8Array} */ chunk, /** @type {any} */ controller) {
        controller.enqueue(chunk);
        bytes += chunk.length;
        for (const byte of chunk) if (byte === 10) lines++;
        if (Date.now() - shownAt < 100) return;
        shownAt = Date.now();
        say(byId("export-message"), expected ? `${whole(lines)} of at most ${whole(expected)} records, ${size(bytes)}` : size(bytes));
        if (expected) bar.value = Math.min(1, lines / expected);
      },
    });
    return { stream, lines: () => lines };
  }

  prepareDialog(dialog, () => {
    asking.stop();
    running?.abort();
  });
  byId("export").addEventListener("click", () => void open());
  form.addEventListener("change", reset);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void save();
  });
  stop.addEventListener("click", () => running?.abort());
  byId("export-copy").addEventListener("click", async () => {
    // A command has no cookie: it shows the token, which its shell holds.
    const token = isSignedIn() ? '-H "Authorization: Bearer $INSPECTOR_TOKEN" ' : "";
    const isCopied = await copy(`curl -fOJ ${token}'${new URL(path(), window.location.href).href.replaceAll("'", "%27")}'`);
    progress.hidden = false;
    bar.hidden = true;
    say(byId("export-message"), isCopied ? "The command is on the clipboard." : "The browser forbids copying.");
  });
  return { open };
}

/**
 * How many there are is not how many matched: of a conversation that went on, only its last exchange is a chat.
 * @param {string} format
 * @param {number} lines
 * @param {number} bytes
 */
function savedInWords(format, lines, bytes) {
  if (format === "chat.jsonl" && !lines) return "Saved, but the file is empty: none of these is a complete, successful chat.";
  return NAMES[format] ? `Saved, ${counted(lines, NAMES[format])}, ${size(bytes)}.` : `Saved, ${size(bytes)}.`;
}

/**
 * @param {string} href
 * @param {string} name  "": as the recorder names it
 */
function saveAs(href, name) {
  const anchor = element("a", { href, download: name, hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** @param {Response} answer */
function nameOf(answer) {
  const said = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") ?? "");
  return said?.[1] ?? "exchanges";
}
