/**
 * What the page shows, as its address says it, so that a view can be sent to a colleague and "back" goes back.
 *
 * The filters carry the names that the recorder's own addresses take. The page's alone are `show` (the open
 * exchange), `by` (how the overview groups), `colour` (of the dots), and that no time at all means the last day;
 * `from=all` lifts that.
 */

/** Filters of which several values may be wanted: any of them. */
export const FACETS = Object.freeze([
  "model", "workflow", "node", "execution", "caller", "user", "operation", "outcome", "status", "exchange",
]);
const SINGLE = Object.freeze(["q", "failed", "truncated", "slower", "from", "to", "show", "by", "colour"]);

/** The time that is meant when none is said. */
export const USUAL_SPAN = "-24h";

/**
 * @typedef {object} View
 * @property {string} q
 * @property {string[]} model
 * @property {string[]} workflow
 * @property {string[]} node
 * @property {string[]} execution
 * @property {string[]} caller
 * @property {string[]} user
 * @property {string[]} operation
 * @property {string[]} outcome
 * @property {string[]} status
 * @property {string[]} exchange
 * @property {string} failed  "true", "false" or "" for either
 * @property {string} truncated  "true", "false", "unknown" or "" for any
 * @property {string} slower  seconds
 * @property {string} from  RFC 3339, relative like -1h, "all", or "" for the usual span
 * @property {string} to  RFC 3339, relative, or "" for now
 * @property {string} show  the id of the open exchange, or ""
 * @property {string} by  what the overview groups by, or ""
 * @property {string} colour  what the dots of the timeline are coloured by: "model", or "" for the outcome
 */

/**
 * @param {string} search a query, with or without its question mark
 * @returns {View}
 */
export function readView(search) {
  const said = new URLSearchParams(search);
  /** @type {Record<string, unknown>} */
  const view = {};
  for (const name of SINGLE) view[name] = (said.get(name) ?? "").trim();
  for (const name of FACETS) view[name] = [...new Set(said.getAll(name).filter((value) => value !== ""))];
  const read = /** @type {View} */ (view);
  // As the recorder reads them, which takes several ways to say the same.
  read.failed = truthOf(read.failed);
  read.truncated = truthOf(read.truncated);
  read.exchange = [...new Set(read.exchange.map((id) => id.toLowerCase()))];
  read.show = read.show.toLowerCase();
  return read;
}

/** @param {string} said */
function truthOf(said) {
  if (/^(true|1|yes)$/i.test(said)) return "true";
  return /^(false|0|no)$/i.test(said) ? "false" : said;
}

/**
 * The inverse of `readView`: "" for the plain page.
 * @param {View} view
 * @returns {string}
 */
export function writeView(view) {
  const said = parameters(view, [...SINGLE]);
  return said.size ? `?${said}` : "";
}

/**
 * What is asked of the recorder for this view.
 * @param {View} view
 * @param {Record<string, string | number>} [more] further parameters, for instance `limit`
 * @returns {string} a query without its question mark
 */
export function filterOf(view, more = {}) {
  const from = view.from || (view.to ? "all" : USUAL_SPAN);
  const asked = parameters({ ...view, from: from === "all" ? "" : from }, ["q", "failed", "truncated", "slower", "from", "to"]);
  for (const [name, value] of Object.entries(more)) asked.set(name, String(value));
  return asked.toString();
}

/**
 * @param {View} view
 * @param {string[]} singles
 */
function parameters(view, singles) {
  const said = new URLSearchParams();
  for (const name of singles) {
    const value = /** @type {any} */ (view)[name];
    if (value) said.set(name, value);
  }
  for (const name of FACETS) for (const value of /** @type {any} */ (view)[name]) said.append(name, value);
  return said;
}

/**
 * Whether two views ask for the same exchanges.
 * @param {View} one
 * @param {View} other
 */
export function asksTheSame(one, other) {
  return filterOf(one) === filterOf(other);
}

/**
 * Whether anything but the time is filtered by.
 * @param {View} view
 */
export function isFiltered(view) {
  return filterOf({ ...view, from: "all", to: "" }) !== "";
}

/**
 * The same view without any filter; what is open stays open.
 * @param {View} view
 * @returns {View}
 */
export function withoutFilters(view) {
  return { ...readView(""), show: view.show, by: view.by, colour: view.colour, from: view.from, to: view.to };
}

const UNITS = /** @type {Record<string, number>} */ ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 });
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,3})\d*)?\s?([Zz]|[+-]\d\d:?\d\d)?)?$/;

/**
 * As service/record/timestamps.py reads it.
 * @param {string} said a moment as a filter says it
 * @param {number} now Unix milliseconds
 * @param {boolean} [isEnd] a date alone then is the end of that day
 * @returns {number} Unix milliseconds; NaN when it cannot be understood
 */
export function momentOf(said, now, isEnd = false) {
  if (said === "now") return now;
  const relative = /^-(\d{1,9}(?:\.\d{1,9})?)([smhdw])$/.exec(said);
  if (relative) return now - Number(relative[1]) * UNITS[relative[2]];
  if (/^\d{1,11}(\.\d{1,9})?$/.test(said)) return Number(said) * 1000;
  // In an address a + that is not encoded means a blank.
  const found = MOMENT.exec(/t/i.test(said) ? said.replace(/ (\d\d:?\d\d)$/, "+$1") : said);
  if (!found) return NaN;
  const [, day, clock, seconds = ":00", fraction = "", zone = "Z"] = found;
  if (!clock) return Date.parse(`${day}T00:00Z`) + (isEnd ? UNITS.d : 0);
  const offset = zone.toUpperCase().replace(/(\d\d):?(\d\d)$/, "$1:$2");
  return Date.parse(`${day}T${clock}${seconds}.${fraction.padEnd(3, "0")}${offset}`);
}

/**
 * What is asked of the recorder for what this view shows by now, when what is yet to come is not meant. The recorder
 * says what that is in absolute times: this browser's clock may go differently.
 * @param {View} view
 */
export function filterUntilNow(view) {
  return filterOf(view, view.to ? {} : { to: "now" });
}

/**
 * The address of the window as the page's one state.
 * @param {Window} window
 * @param {(view: View, before: View) => void} changed called after every change, also by back and forward
 */
export function makeAddress(window, changed) {
  let view = readView(window.location.search);

  function arrive() {
    const before = view;
    view = readView(window.location.search);
    changed(view, before);
  }
  window.addEventListener("popstate", arrive);

  return {
    /** @returns {View} */
    get view() {
      return view;
    },
    /**
     * @param {Partial<View>} changes
     * @param {{replace?: boolean}} [how] `replace`: without a step to go back to
     */
    go(changes, { replace = false } = {}) {
      const search = writeView({ ...view, ...changes });
      if (search === writeView(view)) return;
      const target = `${window.location.pathname}${search}`;
      if (replace) window.history.replaceState(null, "", target);
      else window.history.pushState(null, "", target);
      arrive();
    },
    /**
     * The address of a changed view, for links.
     * @param {Partial<View>} changes
     */
    of(changes) {
      return `/${writeView({ ...view, ...changes })}`;
    },
  };
}
