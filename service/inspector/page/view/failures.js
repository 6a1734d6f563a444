/** What failed: each cause with how often, when, who was hit, and whether they got an answer later. */

import { filterOf } from "../state/address.js";
import { ask, isAborted, oneAtATime } from "../state/api.js";
import { FACETS } from "../state/tables.js";
import { counted, moment, whole } from "../text/format.js";
import { element, replace } from "./elements.js";

/**
 * @typedef {import("../state/address.js").Address} Address
 * @typedef {import("../state/tables.js").Facet} Facet
 *
 * @typedef {object} FailedRequest
 * @property {string[]} who
 * @property {string} failed_at
 * @property {string} [exchange]  its newest failure
 * @property {number} tries
 * @property {string} [answer]  the exchange that answered it
 * @property {string} told
 *
 * @typedef {object} FailureGroup
 * @property {string} reason
 * @property {string} [cause]
 * @property {string} outcome
 * @property {number} [status]
 * @property {number} count
 * @property {string} first
 * @property {string} last
 * @property {{by: string, name: string, count: number}[]} who
 * @property {[string, number][]} models
 * @property {[string, number][]} operations
 * @property {number} answered
 * @property {number} unanswered
 * @property {string} [sentence]
 * @property {string} [advice]
 * @property {FailedRequest[]} requests
 *
 * @typedef {object} FailureAnswer  of /failures.json
 * @property {number} failures
 * @property {number} answered
 * @property {number} unanswered
 * @property {boolean} complete
 * @property {FailureGroup[]} groups
 */

const MOST_REQUESTS = 5;
const MOST_NAMES = 4;

/**
 * @param {Address} address
 * @returns {import("./overview.js").Tab}
 */
export function makeFailures(address) {
  const summary = element("p", { class: "failure-summary" });
  const list = element("div", { class: "causes" });
  const root = element("section", { "aria-label": "Failures" }, summary, list);
  const asking = oneAtATime();

  return {
    root,
    key: () => "",
    async load() {
      try {
        const query = filterOf({ ...address.view, failed: "" });
        /** @type {FailureAnswer} */
        const answer = await ask(`/failures.json?${query}`, { signal: asking.next() });
        root.classList.remove("stale");
        replace(summary, ...summaryParts(answer));
        replace(list, ...answer.groups.map((group) => groupPart(group, address)));
      } catch (error) {
        if (isAborted(error)) return;
        replace(summary, /** @type {Error} */ (error).message);
        replace(list);
      }
    },
    stale() {
      root.classList.add("stale");
    },
  };
}

/** @param {FailureAnswer} answer */
function summaryParts({ failures, answered, unanswered, complete }) {
  if (!failures) return ["Nothing failed."];
  const only = complete ? "" : ` Only the newest ${whole(failures)} were looked at.`;
  return [
    `${counted(failures, "failure")}. ${counted(answered, "request")} got an answer later, `,
    element("b", { class: unanswered ? "bad" : "" }, `${whole(unanswered)} never`), `.${only}`,
  ];
}

/**
 * @param {FailureGroup} group
 * @param {Address} address
 */
function groupPart(group, address) {
  const cause = group.cause || group.reason;
  const reason = cause.includes(group.reason) ? null : element("span", { class: "quiet" }, ` ${group.reason}`);
  const onlyThese = { outcome: [group.outcome], status: [group.status === undefined ? "" : String(group.status)], failed: "true", tab: "" };
  const shown = group.requests.slice(0, MOST_REQUESTS);
  const left = group.answered + group.unanswered - shown.length;
  return element(
    "div", { class: "cause" },
    element("h3", {}, element("span", { class: "bad count" }, `${whole(group.count)} ×`), " ", cause, reason),
    element("p", { class: "quiet" }, whenText(group), " · ", ...whoParts(group, address)),
    group.sentence ? element("p", {}, group.sentence) : null,
    group.advice ? element("p", { class: "advice" }, group.advice) : null,
    element("ul", { class: "tries" }, ...shown.map((request) => requestPart(request, address))),
    element("p", { class: "quiet" }, left > 0 ? `and ${counted(left, "more request", "more requests")} · ` : null, element("button", {
      type: "button", class: "plain", onclick: () => address.go(onlyThese),
    }, "all exchanges that ended so")),
  );
}

/** @param {FailureGroup} group */
function whenText({ first, last }) {
  const [begin, end] = [Date.parse(first), Date.parse(last)];
  const now = Date.now();
  return end - begin < 1000 ? moment(end, now) : `${moment(begin, now)} to ${moment(end, now)}`;
}

/**
 * Who was hit, each a filter, and of which models.
 * @param {FailureGroup} group
 * @param {Address} address
 */
function whoParts({ who, models, operations }, address) {
  const names = who.slice(0, MOST_NAMES).flatMap(({ by, name, count }, index) => {
    const facet = FACETS.find((one) => one === by);
    const label = `${name} (${whole(count)})`;
    const part = facet ? element("button", {
      type: "button", class: "plain", title: `Only ${by} ${name}`, onclick: () => address.go({ [facet]: [name], failed: "true", tab: "" }),
    }, element("bdi", {}, label)) : label;
    return index ? [", ", part] : [part];
  });
  const what = (models.length ? models : operations).slice(0, MOST_NAMES).map(([name]) => name).join(", ");
  return [...(names.length ? names : ["nobody is named"]), what ? ` · ${what}` : null];
}

/**
 * @param {FailedRequest} request
 * @param {Address} address
 */
function requestPart({ who, failed_at: failed, exchange, answer, told }, address) {
  const open = (/** @type {string | undefined} */ id, /** @type {string} */ label, /** @type {string} */ tone) => (id ? element("button", {
    type: "button", class: `plain ${tone}`, onclick: () => address.go({ show: id }),
  }, label) : element("span", { class: tone }, label));
  return element(
    "li", {}, open(exchange, moment(Date.parse(failed), Date.now()), ""), " ", element("bdi", {}, who.join(" › ") || "nobody named"), ": ",
    open(answer, told, answer ? "fine" : "bad"),
  );
}
