/**
 * The page: what the address asks for is shown, and whatever one does changes the address.
 *
 * The list (`feed`, `list`), the timeline with its totals and the overview show what the filters match; `exchange` shows
 * the one that is open; `live` tells all of them what just happened.
 */

import { asksTheSame, filterOf, isFiltered, makeAddress } from "./state/address.js";
import { ask } from "./state/api.js";
import { setClock } from "./state/clock.js";
import { chosenColumns } from "./state/columns.js";
import { makeFeed } from "./state/feed.js";
import { listen } from "./state/live.js";
import { makeSharedFeed } from "./state/shared_feed.js";
import { makeTimelineData } from "./state/timeline_data.js";
import { titleOf } from "./text/exchange_text.js";
import { counted } from "./text/format.js";
import { prepareDialog } from "./view/dialogs.js";
import { byId, typedById } from "./view/elements.js";
import { makeEraseDialog } from "./view/erase_dialog.js";
import { makeExchange } from "./view/exchange.js";
import { makeExportDialog } from "./view/export_dialog.js";
import { makeFilters } from "./view/filters.js";
import { areLettersOn, listenToKeys, setLetters } from "./view/keyboard.js";
import { makeList } from "./view/list.js";
import { makeListHead } from "./view/list_head.js";
import { makeOverview } from "./view/overview.js";
import { emptyPart, troublePart } from "./view/placeholders.js";
import { watchStatus } from "./view/status.js";
import { makeStoreSwitch } from "./view/store_switch.js";
import { makeTimeline } from "./view/timeline.js";
import { makeTotals } from "./view/totals.js";

/**
 * @typedef {import("./state/address.js").View} View
 * @typedef {import("./state/timeline_data.js").TimelineAnswer} TimelineAnswer
 */

/** From so many exchanges on their 95th percentile tells what is slow. */
const TELLING = 50;
/** Seconds: among few exchanges only this long is slow, and among many nothing shorter than that. */
const [SLOW_OF_FEW, LEAST_SLOW] = [30, 5];
/** Moving through the list opens what one stops at, not everything on the way. */
const SETTLED = 90;
const TIDIED_EVERY = 5_000;

const address = makeAddress(window, arrived);
const announce = (/** @type {string} */ text) => {
  byId("announcement").textContent = text;
};
const stores = makeStoreSwitch(address);
const status = watchStatus(renew, () => [list.redraw(), stores.draw()]);
const list = makeList({
  open: openExchange, filter: (wanted) => address.go(wanted), columns: () => chosenColumns(address.view),
  whenEmpty: () => emptyPart(address), whenTroubled: (trouble) => troublePart(address, trouble, tryAgain),
});
/** @type {import("./state/feed.js").Feed} */
let feed;
const exchange = makeExchange({ address, inFlight: (id) => feed.inFlight(id), announce, erase: (id, title) => erasing.one(id, title) });
const listHead = makeListHead(address);
const totals = makeTotals({ toggle: (filter) => address.go({ [filter]: address.view[filter] === "true" ? "" : "true" }) });
const filters = makeFilters({ view: () => address.view, go: address.go });
const overview = makeOverview(address);
const timeline = makeTimeline({
  choose: chooseSpan, open: openDot, kind: () => address.view.chart, setKind: (chart) => address.go({ chart }, { replace: true }),
});
const counting = makeTimelineData({
  view: () => address.view, counted: showCounts, failed: failCounting, done: () => void overview.show({ again: true }),
});
const exporting = makeExportDialog({ address, announce, isSignedIn: status.isSignedIn });
const erasing = makeEraseDialog({ address, announce, erased: () => void afterErasing() });
const help = typedById("help-dialog", HTMLDialogElement);
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/** @param {View} view @param {View} before */
function arrived(view, before) {
  showControls(view);
  if (view.q !== before.q) exchange.mark();
  // What is open is told by another store.
  if (view.store !== before.store) exchange.forget();
  if (view.against !== before.against) exchange.compare();
  if (!asksTheSame(view, before)) void look(true);
  else if (view.by !== before.by || view.sort !== before.sort || view.tab !== before.tab || view.batch !== before.batch) void overview.show();
  else if (view.colour !== before.colour) void counting.load();
  else if (view.chart !== before.chart) timeline.redraw();
  if (view.columns !== before.columns) list.redraw();
  showOpen();
}

/** @param {View} view */
function showControls(view) {
  filters.show(view);
  listHead.draw();
  stores.draw();
  byId("colour").setAttribute("aria-pressed", String(view.colour === "model"));
}

/** @param {boolean} isAsked  by the user, who then hears how many there are */
async function look(isAsked) {
  const flying = feed?.allInFlight() ?? [];
  feed?.stop();
  const view = address.view;
  feed = (view.store ? makeSharedFeed : makeFeed)(view, feedChanged, feed?.heard());
  list.show(feed);
  feed.hello({ in_flight: flying });
  timeline.stale();
  totals.stale();
  overview.stale();
  // The list first: what is wrong with a filter is then told once, and the list is what one waits for.
  await feed.reload(() => void counting.load(isAsked));
  const trouble = feed.trouble();
  if (trouble && address.view === view) announce(trouble.message);
  const isUnasked = view.from === "" && view.to === "" && !isFiltered(view);
  const isEmpty = !feed.count() && !trouble;
  if (isUnasked && !view.store && !status.isBehind() && isEmpty && address.view === view) address.go({ from: "all" }, { replace: true });
}

/** @param {import("./state/feed.js").Change} change */
function feedChanged(change) {
  if (change.isOutdated) renew();
  if (change.isUncounted) counting.loadSoon();
  list.changed(change);
  markFirst();
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
  const isAll = view.from === "all" && !view.to && !view.store && !isFiltered(view);
  document.body.classList.toggle("first", isAll && !feed.count() && !feed.isLoading() && !feed.trouble());
}

/** @param {import("./state/timeline_data.js").Counts} counts */
function showCounts({ totals: all, picture, models, view, isAsked }) {
  timeline.show(picture, models);
  totals.show(all, view);
  list.setMeasure(measureOf(all));
  if (isAsked) announce(`${counted(all.count, "exchange")} found.`);
}

/** @param {import("./state/api.js").Refusal} refusal */
function failCounting({ message, status: refused }) {
  // What is wrong with a filter the list tells.
  if (refused === 400) return;
  timeline.fail(message, () => void counting.load(true));
  announce(message);
}

/**
 * Slow is what few exchanges here are; of a handful that says nothing.
 * @param {TimelineAnswer} answer
 */
function measureOf({ count, p95 }) {
  const most = p95 ?? 10;
  return { full: Math.max(1, most), slow: count >= TELLING ? Math.max(LEAST_SLOW, most) : SLOW_OF_FEW };
}

function showOpen() {
  const id = address.view.show;
  const wasReading = document.body.classList.contains("reading");
  document.body.classList.toggle("reading", id !== "");
  document.body.classList.toggle("overlooking", address.view.tab !== "");
  list.select(id, address.view.against);
  clearTimeout(settling);
  settling = setTimeout(() => {
    void exchange.show(id);
    if (!id && wasReading && hasLostFocus()) list.focus();
    if (!id && !feed.isLoading() && !feed.trouble()) void overview.show();
    const listed = id ? feed.at(feed.indexOf(id)) : undefined;
    document.title = listed ? `${titleOf(listed)} · Ollama Recorder` : "Ollama Recorder";
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

/** @param {import("./state/dots.js").Dot} dot  the newest that lies there is opened */
async function openDot([ended, took, , , number]) {
  // Those of all recorders have no numbers: one of its millisecond, and of its duration if there are several.
  /** @type {Record<string, number>} */
  const narrowed = number === undefined ? { from: ended / 1000, to: (ended + 1) / 1000 } : { after: number - 1, before: number + 1 };
  try {
    /** @type {import("./state/ended_list.js").Page} */
    const { exchanges } = await ask(`/exchanges.json?${filterOf(address.view, narrowed)}`);
    const found = exchanges.find((one) => Math.round((one.request_time ?? 0) * 1000) === took) ?? exchanges[0];
    if (found) return address.go({ show: found.exchange });
    announce("That exchange is not here any more.");
    await counting.load();
  } catch (error) {
    announce(/** @type {Error} */ (error).message);
  }
}

/** @param {number} from @param {number} to */
function chooseSpan(from, to) {
  address.go({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}

async function afterErasing() {
  const { show, store } = address.view;
  if (show && !store && (await isGone(show)) && show === address.view.show) {
    exchange.forget();
    address.go({ show: "" }, { replace: true });
  }
  void look(false);
}

/** @param {string} id */
async function isGone(id) {
  if (feed.inFlight(id)) return false;
  try {
    /** @type {import("./state/ended_list.js").Page} */
    const page = await ask(`/exchanges.json?exchange=${id}&limit=1`);
    return page.exchanges.length === 0;
  } catch {
    return false;
  }
}

function leave() {
  if (document.activeElement === byId("search")) {
    list.focus();
  } else if (address.view.show) {
    exchange.close();
    list.focus();
  } else if (address.view.tab) {
    address.go({ tab: "" });
  }
}

prepareDialog(help);
byId("colour").addEventListener("click", () => address.go({ colour: address.view.colour === "model" ? "" : "model" }, { replace: true }));
byId("look").addEventListener("click", () => address.go({ tab: "who" }));
byId("help").addEventListener("click", () => help.showModal());
const letters = typedById("letters", HTMLInputElement);
letters.checked = areLettersOn();
letters.addEventListener("change", () => setLetters(letters.checked));
listenToKeys({
  move: (by) => {
    list.move(by);
    list.focus();
  },
  page: list.rowsInSight, enter: () => (address.view.show ? exchange.enter() : list.move(0)), leave, search: filters.focusSearch,
  help: () => help.showModal(), press: exchange.press, save: () => void exporting.open(),
});

showControls(address.view);
void look(false);
showOpen();
setInterval(() => {
  feed.dropSilent();
  // Whoever reads further down goes on reading the same.
  if (list.isAtTop()) feed.dropPassed();
}, TIDIED_EVERY);
listen({
  hello: (hello) => {
    setClock(hello.time);
    feed.hello(hello);
    exchange.hello();
    // The recorder is there again; what is wrong with a filter stays wrong.
    const trouble = feed.trouble();
    if (trouble && trouble.status !== 400) tryAgain();
  },
  begun: (begun) => feed.begun(begun),
  progress: (progress) => feed.progress(progress),
  ended: (summary) => {
    const isShown = feed.ended(summary);
    exchange.ended(summary.exchange);
    if (!isShown) return;
    timeline.add(summary);
    counting.loadSoon();
  },
  erased: () => void afterErasing(),
  reload: renew,
  state: status.setLiveness,
});
