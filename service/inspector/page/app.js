/**
 * The page: what the address says is shown, and whatever one does changes the address.
 *
 * The list (`feed`, `list`), the timeline with its numbers and the overview show what the filters match; `exchange`
 * shows the one that is open; `live` tells all of them what just happened.
 */

import { asksTheSame, filterOf, isFiltered, makeAddress } from "./state/address.js";
import { ask, isAborted, oneAtATime } from "./state/api.js";
import { setClock } from "./state/clock.js";
import { prepareDialog } from "./view/dialogs.js";
import { byId } from "./view/elements.js";
import { emptyPart, troublePart } from "./view/placeholders.js";
import { titleOf } from "./text/exchange_text.js";
import { makeErasing } from "./view/erase_dialog.js";
import { makeExchange } from "./view/exchange.js";
import { makeExporting } from "./view/export_dialog.js";
import { makeFacts } from "./view/totals.js";
import { makeFilters } from "./view/filters.js";
import { counted } from "./text/format.js";
import { areLettersOn, listenToKeys, setLetters } from "./view/keyboard.js";
import { makeFeed } from "./state/feed.js";
import { makeList } from "./view/list.js";
import { listen } from "./state/live.js";
import { makeOverview } from "./view/overview.js";
import { closerLook } from "./view/scale.js";
import { watchStatus } from "./view/status.js";
import { makeTimeline, MODELS_COLOURED } from "./view/timeline.js";

/** While exchanges come in, the numbers are asked for at most this often, and less where answering takes long. */
const LEAST_PAUSE = 2_000;
const PAUSE_PER_ANSWER = 20;
/** From so many exchanges on their 95th percentile tells what is slow. */
const TELLING = 50;
/** Moving through the list opens what one stops at, not everything on the way. */
const SETTLED = 90;

const address = makeAddress(window, arrived);
const announce = (/** @type {string} */ text) => {
  byId("announcement").textContent = text;
};
const status = watchStatus(renew);
const list = makeList({ open: openExchange, whenEmpty: () => emptyPart(address), whenTroubled: (trouble) => troublePart(address, trouble, tryAgain) });
/** @type {ReturnType<typeof makeFeed>} */
let feed;
const exchange = makeExchange({ address, inFlight: (id) => feed.inFlight(id), announce, erase: (id, title) => erasing.one(id, title) });
const facts = makeFacts({ toggle: (filter) => address.go({ [filter]: address.view[filter] === "true" ? "" : "true" }) });
const filters = makeFilters({ view: () => address.view, go: address.go });
const overview = makeOverview(address);
const timeline = makeTimeline({ choose: chooseSpan, open: openNumber });
const exporting = makeExporting({ address, announce, isSignedIn: status.isSignedIn });
const erasing = makeErasing({ address, announce, erased: afterErasing });
const help = byId("help-dialog");

const counting = oneAtATime();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let recount;
/** Something ended while nobody looked. */
let isUncounted = false;
let countedAt = 0;
let lastAnswer = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/** @param {import("./state/address.js").View} view @param {import("./state/address.js").View} before */
function arrived(view, before) {
  showControls(view);
  if (view.q !== before.q) exchange.mark();
  if (!asksTheSame(view, before)) void look(true);
  else if (view.by !== before.by) void overview.show();
  else if (view.colour !== before.colour) void count();
  showOpen();
}

/** @param {import("./state/address.js").View} view */
function showControls(view) {
  filters.show(view);
  byId("colour").setAttribute("aria-pressed", String(view.colour === "model"));
}

/** @param {boolean} isAsked  by the user, who then hears how many there are */
async function look(isAsked) {
  const flying = feed?.allInFlight() ?? [];
  feed?.stop();
  const view = address.view;
  feed = makeFeed(view, (what) => {
    if (what.isOutdated) renew();
    if (what.isUncounted) countSoon();
    list.changed(what);
    markFirst();
  }, feed?.heard());
  list.show(feed);
  feed.hello({ in_flight: flying });
  timeline.stale();
  facts.stale();
  overview.stale();
  // The list first: what is wrong with a filter is then said once, and the list is what one waits for.
  await feed.reload(() => void count(isAsked));
  if (feed.trouble() && address.view === view) announce(feed.trouble().message);
  const isUnasked = view.from === "" && view.to === "" && !isFiltered(view);
  if (isUnasked && !status.isBehind() && !feed.count() && !feed.trouble() && address.view === view) address.go({ from: "all" }, { replace: true });
}

/** What could not be loaded: an older page, or all of it, with the numbers. */
function tryAgain() {
  if (feed.count() > feed.countInFlight()) void feed.retry();
  else void look(true);
}

/** Much has happened that was not heard of: a list that somebody reads stays as it is until they want the newer ones. */
function renew() {
  list.outdated(() => void look(false));
}

/** Before anything was ever recorded there is nothing to filter or to draw: only how to begin. */
function markFirst() {
  const { view } = address;
  const isAll = view.from === "all" && !view.to && !isFiltered(view);
  document.body.classList.toggle("first", isAll && !feed.count() && !feed.isLoading() && !feed.trouble());
}

/** @param {boolean} [isAsked] */
async function count(isAsked = false) {
  clearTimeout(recount);
  recount = undefined;
  const view = address.view;
  const began = performance.now();
  const signal = counting.next();
  try {
    const said = await ask(`/timeline.json?${filterOf(view)}`, { signal });
    const closer = view.to || view.from === "all" ? undefined : closerLook(said.dots, Date.parse(said.from), Date.parse(said.to));
    const drawn = closer === undefined ? view : { ...view, from: new Date(closer).toISOString() };
    const picture = drawn === view ? said : await ask(`/timeline.json?${filterOf(drawn)}`, { signal });
    timeline.show(picture, view.colour === "model" ? await byModel(drawn, said.models ?? [], signal) : undefined);
    facts.show(said, view);
    list.setMeasure(measureOf(said));
    if (isAsked) announce(`${counted(said.count, "exchange")} found.`);
  } catch (error) {
    if (isAborted(error)) return;
    const { message, status: refused } = /** @type {import("./state/api.js").Refusal} */ (error);
    // What is wrong with a filter the list says.
    if (refused !== 400) {
      timeline.fail(message, () => void count(true));
      announce(message);
    }
  }
  lastAnswer = performance.now() - began;
  countedAt = performance.now();
  void overview.show({ again: true });
}

/**
 * Slow is what few exchanges here are; of a handful that says nothing, and then half a minute is slow.
 * @param {import("./view/timeline.js").Answer} said
 */
function measureOf(said) {
  const p95 = said.p95 ?? 10;
  return { full: Math.max(1, p95), slow: said.count >= TELLING ? Math.max(5, p95) : 30 };
}

/**
 * The dots of the models that were called most, for a timeline that is coloured by them.
 * @param {import("./state/address.js").View} view
 * @param {[string, number][]} called  models and how often, the most frequent first
 * @param {AbortSignal} signal
 */
async function byModel(view, called, signal) {
  const names = called.slice(0, MODELS_COLOURED).map(([name]) => name);
  const answers = await Promise.all(names.map((name) => ask(`/timeline.json?${filterOf({ ...view, model: [name] })}`, { signal })));
  return names.map((name, index) => ({ name, dots: answers[index].dots }));
}

function countSoon() {
  isUncounted = document.hidden;
  if (recount !== undefined || isUncounted) return;
  const pause = Math.max(LEAST_PAUSE, PAUSE_PER_ANSWER * lastAnswer);
  recount = setTimeout(() => void count(), Math.max(0, countedAt + pause - performance.now()));
}

function showOpen() {
  const id = address.view.show;
  const wasReading = document.body.classList.contains("reading");
  document.body.classList.toggle("reading", id !== "");
  list.select(id);
  clearTimeout(settling);
  settling = setTimeout(() => {
    void exchange.show(id);
    if (!id && wasReading && hasLostFocus()) list.focus();
    if (!id && !feed.isLoading() && !feed.trouble()) void overview.show();
    const entry = id ? feed.at(feed.indexOf(id)) : undefined;
    document.title = entry ? `${titleOf(entry)} · Ollama Recorder` : "Ollama Recorder";
  }, id ? SETTLED : 0);
}

/** Whether what had the focus went with the exchange. */
function hasLostFocus() {
  const { activeElement } = document;
  return activeElement === null || activeElement === document.body || byId("exchange").contains(activeElement);
}

/** @param {string} id @param {{replace?: boolean}} how */
function openExchange(id, { replace = false }) {
  // Once more what is open already: it may be one that could not be loaded.
  if (id === address.view.show) void exchange.show(id);
  else address.go({ show: id }, { replace: replace && address.view.show !== "" });
}

/** @param {number} number  as the dots of the timeline know it */
async function openNumber(number) {
  try {
    const page = await ask(`/exchanges.json?${filterOf(address.view, { after: number - 1, before: number + 1 })}`);
    if (page.exchanges[0]) return address.go({ show: page.exchanges[0].exchange });
    announce("That exchange is not here any more.");
    await count();
  } catch (error) {
    announce(/** @type {Error} */ (error).message);
  }
}

/** @param {number} from @param {number} to */
function chooseSpan(from, to) {
  address.go({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}

async function afterErasing() {
  const { show } = address.view;
  if (show && (await isGone(show)) && show === address.view.show) {
    exchange.forget();
    address.go({ show: "" }, { replace: true });
  }
  void look(false);
}

/** @param {string} id */
async function isGone(id) {
  if (feed.inFlight(id)) return false;
  const { exchanges } = await ask(`/exchanges.json?exchange=${id}&limit=1`).catch(() => ({ exchanges: [id] }));
  return exchanges.length === 0;
}

function leave() {
  if (document.activeElement === byId("search")) {
    list.focus();
  } else if (address.view.show) {
    exchange.close();
    list.focus();
  }
}

prepareDialog(help);
const coloured = byId("colour");
coloured.addEventListener("click", () => address.go({ colour: address.view.colour === "model" ? "" : "model" }, { replace: true }));
byId("help").addEventListener("click", () => help.showModal());
const lettersBox = byId("letters");
lettersBox.checked = areLettersOn();
lettersBox.addEventListener("change", () => setLetters(lettersBox.checked));
listenToKeys({
  move: (by) => {
    list.move(by);
    list.focus();
  },
  page: list.rowsInSight, enter: () => (address.view.show ? exchange.enter() : list.move(0)), leave, search: filters.focusSearch, help: () => help.showModal(),
  press: exchange.press, save: () => void exporting.open(),
});

showControls(address.view);
void look(false);
showOpen();
setInterval(() => {
  feed.dropSilent();
  // Whoever reads further down goes on reading the same.
  if (list.isAtTop()) feed.dropPassed();
}, 5_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && isUncounted) countSoon();
});
listen({
  hello: (said) => {
    setClock(said.time);
    feed.hello(said);
    exchange.hello();
    // The recorder is there again; what is wrong with a filter stays wrong.
    if (feed.trouble() && feed.trouble().status !== 400) tryAgain();
  },
  begun: (said) => feed.begun(said),
  progress: (said) => feed.progress(said),
  ended: (said) => {
    const isShown = feed.ended(said);
    exchange.ended(said.exchange);
    if (!isShown) return;
    timeline.add({ ...said, ended: Date.parse(said.time) });
    countSoon();
  },
  erased: () => void afterErasing(),
  reload: renew,
  state: status.setLiveness,
});
