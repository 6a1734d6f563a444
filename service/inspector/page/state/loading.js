/** Loading the pages of a list, one or more at a time, until there is something new to see. */

import { ask, isAborted, oneAtATime } from "./api.js";

/** The first page is small, as somebody waits for it. */
export const FIRST_PAGE = 100;

/**
 * @param {object} dependencies
 * @param {{items: () => unknown[], next: () => string | undefined, append: (page: import("./ended_list.js").Page) => void}} dependencies.list
 * @param {(change: import("./feed.js").Change) => void} dependencies.changed
 * @param {(isFirst: boolean) => void} dependencies.pageLoaded  told whether the list was empty before
 * @param {() => void} dependencies.loaded  all that was asked for is here
 */
export function makeLoading({ list, changed, pageLoaded, loaded }) {
  const asking = oneAtATime();
  let isUnderWay = false;
  /** @type {import("./api.js").Refusal | undefined} */
  let trouble;

  /** @param {() => void} [answered]  called when the first page is here */
  async function load(answered) {
    const signal = asking.next();
    isUnderWay = true;
    trouble = undefined;
    changed({});
    const isFirst = list.items().length === 0;
    const wanted = list.items().length + FIRST_PAGE / 2;
    try {
      // One answer may end early because its time was over: then the next goes on where it stopped.
      for (let path = list.next(); path && list.items().length < wanted; path = list.next()) {
        /** @type {import("./ended_list.js").Page} */
        const page = await ask(path, { signal });
        answered?.();
        answered = undefined;
        list.append(page);
        pageLoaded(isFirst);
        changed({});
      }
      isUnderWay = false;
      loaded();
    } catch (error) {
      if (isAborted(error)) return;
      isUnderWay = false;
      trouble = /** @type {import("./api.js").Refusal} */ (error);
    }
    changed({});
  }

  return {
    load,
    stop: asking.stop,
    isUnderWay: () => isUnderWay,
    trouble: () => trouble,
  };
}
