/**
 * What the page shows, as its address says it, so that a view can be sent to a colleague and "back" goes back.
 *
 * The filters carry the names that the recorder's own addresses take. The page's alone are `show` (the open
 * exchange), `against` (what it is compared with), `tab`, `batch`, `by` and `sort` (what the overview shows, of which
 * replays, groups by and sorts by), `colour` and `chart` (of the timeline), `columns` (of the list), and that no time at all means the last day;
 * `from=all` lifts that. `store` is no filter: it says whose exchanges are shown.
 */

import { modelName } from "./model_names.js";
import { FACETS, SINGLE_FILTERS, TRUTH_FILTERS } from "./tables.js";

/**
 * @typedef {import("./tables.js").Facet} Facet
 * @typedef {import("./tables.js").SingleFilter} SingleFilter
 * @typedef {import("./tables.js").TruthFilter} TruthFilter
 *
 * @typedef {object} OfThePageAlone
 * @property {string} show  the id of the open exchange, or ""
 * @property {string} against  the id of the exchange that the open one is compared with, or ""
 * @property {string} store  "loki": those of all recorders that ship to the same Loki; "": this recorder's
 * @property {string} batch  the id of the batch of replays that is shown, or ""
 * @property {string} tab  what the overview shows: "who", "failures", "week", "models", or "": beside a list "who", else nothing
 * @property {string} by  what the overview groups by, or ""
 * @property {string} sort  the column by which its groups are sorted, the least first after a minus, or ""
 * @property {string} chart  how the timeline is drawn: "dots", "bars", or "": as suits how many there are
 * @property {string} columns  of the list, separated by commas, "none", or "": those that this browser keeps
 * @property {string} colour  what the dots of the timeline are coloured by: "model", or "" for the outcome
 *
 * @typedef {Record<Facet, string[]> & Record<SingleFilter, string> & OfThePageAlone} View
 *   Filters that are not used are "" or []; among the values of a facet "" stands for exchanges without one.
 *   `failed` is "true", "false" or "" for either; `truncated` may also be "unknown"; `slower` is seconds;
 *   `from` and `to` are RFC 3339 or relative like -1h; `from` may be "all"; "" is USUAL_SPAN and now
 *
 * @typedef {object} Address
 * @property {View} view
 * @property {(changes: Partial<View>, how?: {replace?: boolean}) => void} go  `replace`: without a step to go back to
 * @property {(changes: Partial<View>) => string} of  the address of a changed view, for links
 */

/** The parameters with one value each, in the order in which an address has them. */
const SINGLE = Object.freeze(/** @type {const} */ ([
  ...SINGLE_FILTERS, "store", "show", "against", "tab", "batch", "by", "sort", "colour", "chart", "columns",
]));

const ALL_RECORDERS = "loki";
/** The time that is meant when none is given. */
export const USUAL_SPAN = "-24h";

/**
 * @param {string} search a query, with or without its question mark
 * @returns {View}
 */
export function readView(search) {
  const query = new URLSearchParams(search);
  const singles = SINGLE.map((name) => [name, (query.get(name) ?? "").trim()]);
  const facets = FACETS.map((name) => [name, [...new Set(valuesOf(query, name))]]);
  const view = /** @type {View} */ (Object.fromEntries([...singles, ...facets]));
  // As the recorder reads them, which takes several spellings of the same.
  for (const name of TRUTH_FILTERS) view[name] = truthOf(view[name]);
  view.exchange = [...new Set(view.exchange.map((id) => id.toLowerCase()))];
  view.model = [...new Set(view.model.map(modelName))];
  view.store = view.store === ALL_RECORDERS ? ALL_RECORDERS : "";
  view.show = view.show.toLowerCase();
  view.against = view.against.toLowerCase();
  return view;
}

/**
 * The values of a facet; an empty one stands for exchanges that have none. Each exchange has an id.
 * @param {URLSearchParams} query
 * @param {Facet} name
 */
function valuesOf(query, name) {
  const values = query.getAll(name).map((value) => (value.trim() === "" ? "" : value));
  return name === "exchange" ? values.filter((value) => value !== "") : values;
}

/** @param {string} text */
function truthOf(text) {
  if (/^(true|1|yes)$/i.test(text)) return "true";
  if (/^(false|0|no)$/i.test(text)) return "false";
  return /^unknown$/i.test(text) ? "unknown" : text;
}

/**
 * The inverse of `readView`: "" for the plain page.
 * @param {View} view
 * @returns {string}
 */
export function writeView(view) {
  const query = queryOf(view, SINGLE);
  return query.size ? `?${query}` : "";
}

/**
 * What is asked of the recorder for this view.
 * @param {View} view
 * @param {Record<string, string | number>} [more] further parameters, for instance `limit`
 * @returns {string} a query without its question mark
 */
export function filterOf(view, more = {}) {
  const from = view.from || (view.to ? "all" : USUAL_SPAN);
  const query = queryOf({ ...view, from: from === "all" ? "" : from }, [...SINGLE_FILTERS, "store"]);
  for (const [name, value] of Object.entries(more)) query.set(name, String(value));
  return query.toString();
}

/**
 * @param {View} view
 * @param {readonly (SingleFilter | keyof OfThePageAlone)[]} singles
 */
function queryOf(view, singles) {
  const query = new URLSearchParams();
  for (const name of singles) if (view[name]) query.set(name, view[name]);
  for (const name of FACETS) for (const value of view[name]) query.append(name, value);
  return query;
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
  return filterOf({ ...view, from: "all", to: "", store: "" }) !== "";
}

/**
 * The same view without any filter; what is open stays open.
 * @param {View} view
 * @returns {View}
 */
export function withoutFilters(view) {
  const { store, show, against, tab, batch, by, sort, colour, chart, columns, from, to } = view;
  return { ...readView(""), store, show, against, tab, batch, by, sort, colour, chart, columns, from, to };
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
 * @returns {Address}
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
    get view() {
      return view;
    },
    go(changes, { replace = false } = {}) {
      const search = writeView({ ...view, ...changes });
      if (search === writeView(view)) return;
      const target = `${window.location.pathname}${search}`;
      if (replace) window.history.replaceState(null, "", target);
      else window.history.pushState(null, "", target);
      arrive();
    },
    of(changes) {
      return `/${writeView({ ...view, ...changes })}`;
    },
  };
}
