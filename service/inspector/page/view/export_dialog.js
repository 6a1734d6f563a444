/** Saving what the view matches: chats for fine-tuning, whole records, a table, or a HAR file. */

import { filterUntilNow } from "../state/address.js";
import { isAborted, oneAtATime, send } from "../state/api.js";
import { countMatching } from "../state/matching_count.js";
import { CHAT_OPTIONS, EXPORTED_LINES } from "../state/tables.js";
import { counted, size, whole } from "../text/format.js";
import { describeView } from "../text/view_description.js";
import { prepareDialog } from "./dialogs.js";
import { byId, copy, element, setText, typedById } from "./elements.js";

/** Larger exports go straight to the disk, and the browser shows how far they are. */
const MOST_IN_PAGE = 50_000;
const REDRAWN_EVERY = 100;
const LINE_END = 10;
const FORGOTTEN_AFTER = 60_000;

/**
 * @typedef {object} Dependencies
 * @property {import("../state/address.js").Address} address
 * @property {(text: string) => void} announce
 * @property {() => boolean} isSignedIn
 */

/** @param {Dependencies} dependencies */
export function makeExportDialog({ address, announce, isSignedIn }) {
  const dialog = typedById("export-dialog", HTMLDialogElement);
  const form = typedById("export-form", HTMLFormElement);
  const what = byId("export-what");
  const stop = byId("export-stop");
  const progress = makeProgress();
  const asking = oneAtATime();
  /** @type {AbortController | undefined} */
  let running;
  /** The filter, with absolute times as soon as the recorder has told them. */
  let query = "";
  /** @type {number | undefined} */
  let count;

  async function open() {
    query = filterUntilNow(address.view);
    count = undefined;
    allowSaving(form, true);
    const words = describeView(address.view).join(", ");
    setText(what, `All that matches: ${words}.`);
    reset();
    dialog.showModal();
    // Nobody counts those of all recorders beforehand.
    if (address.view.store) return;
    try {
      ({ count, query } = await countMatching(query, asking.next()));
      setText(what, `${counted(count, "exchange")}: ${words}.`);
    } catch (error) {
      if (isAborted(error)) return;
      setText(what, /** @type {Error} */ (error).message);
      allowSaving(form, false);
    }
  }

  function reset() {
    progress.hide();
    stop.hidden = true;
    byId("chat-options").hidden = formatOf(form) !== "chat.jsonl";
  }

  async function save() {
    if (count === undefined || count > MOST_IN_PAGE) {
      saveAs(pathOf(form, query), "");
      progress.tell("It is being saved; the browser shows how far it is.");
      return;
    }
    running?.abort();
    const mine = (running = new AbortController());
    stop.hidden = false;
    progress.begin();
    try {
      const done = await saveFromPage(pathOf(form, query), formatOf(form), count, progress, mine.signal);
      announce(done);
      progress.end(done);
    } catch (error) {
      // The next one has the bar now, and made this one stop.
      if (running !== mine) return;
      progress.tell(isAborted(error) ? "You stopped it; nothing was saved." : `${/** @type {Error} */ (error).message} Nothing was saved.`);
    } finally {
      if (running === mine) stop.hidden = true;
    }
  }

  async function copyCurl() {
    // A command has no cookie: it shows the token, which its shell holds.
    const token = isSignedIn() ? '-H "Authorization: Bearer $INSPECTOR_TOKEN" ' : "";
    const url = new URL(pathOf(form, query), window.location.href).href.replaceAll("'", "%27");
    const isCopied = await copy(`curl -fOJ ${token}'${url}'`);
    progress.tell(isCopied ? "The command is on the clipboard." : "The browser forbids copying.");
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
  byId("export-copy").addEventListener("click", () => void copyCurl());
  return { open };
}

/** @typedef {ReturnType<typeof makeProgress>} Progress */

/** How far an export is: a bar, and a message below it. */
function makeProgress() {
  const part = byId("export-progress");
  const bar = typedById("export-bar", HTMLProgressElement);
  const message = byId("export-message");
  return {
    hide() {
      part.hidden = true;
    },
    begin() {
      part.hidden = bar.hidden = false;
      bar.removeAttribute("value");
      setText(message, "Waiting for the first record …");
    },
    /**
     * @param {number} lines
     * @param {number} bytes
     * @param {number} expected  records that match, or 0 where a record is not a line
     */
    advance(lines, bytes, expected) {
      setText(message, expected ? `${whole(lines)} of at most ${whole(expected)} records, ${size(bytes)}` : size(bytes));
      if (expected) bar.value = Math.min(1, lines / expected);
    },
    /** @param {string} text */
    end(text) {
      bar.value = 1;
      setText(message, text);
    },
    /**
     * A message without a bar.
     * @param {string} text
     */
    tell(text) {
      part.hidden = false;
      bar.hidden = true;
      setText(message, text);
    },
  };
}

/** @param {HTMLFormElement} form */
const formatOf = (form) => String(new FormData(form).get("format"));

/**
 * @param {HTMLFormElement} form
 * @param {string} query
 */
function pathOf(form, query) {
  const [options, format] = [new FormData(form), formatOf(form)];
  const asked = new URLSearchParams(query);
  for (const option of CHAT_OPTIONS) if (format === "chat.jsonl" && options.has(option)) asked.set(option, "true");
  return `/exchanges.${format}?${asked}`;
}

/**
 * @param {HTMLFormElement} form
 * @param {boolean} isAllowed
 */
function allowSaving(form, isAllowed) {
  /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]")).disabled = !isAllowed;
}

/**
 * Loads an export into the page, and saves it when all of it is here.
 * @param {string} path
 * @param {string} format
 * @param {number} count  exchanges that match
 * @param {Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<string>} what was saved, in words
 */
async function saveFromPage(path, format, count, progress, signal) {
  const answer = await send(path, { signal });
  const passed = countPassing(EXPORTED_LINES[format] ? count : 0, progress);
  const blob = await new Response(answer.body?.pipeThrough(passed.stream)).blob();
  const url = URL.createObjectURL(blob);
  saveAs(url, nameOf(answer));
  setTimeout(() => URL.revokeObjectURL(url), FORGOTTEN_AFTER);
  return describeSaved(format, passed.lines(), blob.size);
}

/**
 * Lets bytes through and counts them, and how many lines they were.
 * @param {number} expected  records that match, or 0 where a record is not a line
 * @param {Progress} progress
 */
function countPassing(expected, progress) {
  let [lines, bytes, shownAt] = [0, 0, 0];
  /** @type {TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>} */
  const stream = new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      bytes += chunk.length;
      for (const byte of chunk) if (byte === LINE_END) lines++;
      if (Date.now() - shownAt < REDRAWN_EVERY) return;
      shownAt = Date.now();
      progress.advance(lines, bytes, expected);
    },
  });
  return { stream, lines: () => lines };
}

/**
 * How many there are is not how many matched: of a conversation that went on, only its last exchange is a chat.
 * @param {string} format
 * @param {number} lines
 * @param {number} bytes
 */
function describeSaved(format, lines, bytes) {
  if (format === "chat.jsonl" && !lines) return "Saved, but the file is empty: none of these is a complete, successful chat.";
  return EXPORTED_LINES[format] ? `Saved, ${counted(lines, EXPORTED_LINES[format])}, ${size(bytes)}.` : `Saved, ${size(bytes)}.`;
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
  const named = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") ?? "");
  return named?.[1] ?? "exchanges";
}
