/** Whether an exchange that the recorder just told of is among those that a view shows. */

import { modelName } from "./model_names.js";
import { FILTERS } from "./tables.js";

/**
 * @typedef {import("./address.js").View} View
 * @typedef {import("./summary.js").ListedExchange} ListedExchange
 * @typedef {import("./tables.js").Filter} Filter
 */

/**
 * Whether an exchange that has ended meets all filters of a view.
 * @param {View} view
 * @param {ListedExchange} exchange
 * @returns {boolean | undefined} undefined: only the recorder can tell, for instance as whole texts are searched
 */
export function matches(view, exchange) {
  if (view.to || FILTERS.some((filter) => !meets(view, exchange, filter))) return false;
  const isForRecorder = view.q || Number.isNaN(Number(view.slower));
  return isForRecorder ? undefined : true;
}

/**
 * Whether one filter lets an exchange through, as far as that can be told here.
 * @param {View} view
 * @param {ListedExchange} exchange
 * @param {Filter} filter
 */
function meets(view, exchange, filter) {
  if (filter.kind === "truth") {
    const [wanted, value] = [view[filter.name], exchange[filter.fields[0]]];
    return !wanted || Boolean(value) === (wanted === "true");
  }
  if (filter.kind === "truth_if_known") {
    const [wanted, value] = [view[filter.name], exchange[filter.fields[0]]];
    return !wanted || String(value ?? "unknown") === wanted;
  }
  if (filter.kind === "duration") {
    return !view[filter.name] || !((exchange[filter.fields[0]] ?? 0) <= Number(view[filter.name]));
  }
  if (filter.kind !== "name" && filter.kind !== "id") return true;
  const wanted = view[filter.name];
  const told = filter.fields.map((field) => String(exchange[field] ?? "")).filter((value) => value !== "");
  const values = filter.name === "model" ? told.map(modelName) : told;
  return !wanted.length || (values.length ? values.some((value) => wanted.includes(value)) : wanted.includes(""));
}

/**
 * Whether one in flight is shown. Nobody knows yet how it will end, so filters by that leave it out.
 * @param {View} view
 * @param {ListedExchange} exchange
 */
export function matchesInFlight(view, exchange) {
  return !isByEnd(view) && matches(view, exchange) === true;
}

/**
 * Whether one in flight is left out only because nobody knows yet how it will end, or what its answer will be.
 * @param {View} view
 * @param {ListedExchange} exchange
 */
export function mayMatchLater(view, exchange) {
  return isByEnd(view) && matchesInFlight(withoutEnd(view), exchange);
}

/** @param {View} view */
function isByEnd(view) {
  return FILTERS.some((filter) => "isAtEnd" in filter && view[filter.name].length > 0);
}

/**
 * @param {View} view
 * @returns {View}
 */
function withoutEnd(view) {
  const free = FILTERS.filter((filter) => "isAtEnd" in filter).map((filter) => [filter.name, "isRepeated" in filter ? [] : ""]);
  return { ...view, ...Object.fromEntries(free) };
}
