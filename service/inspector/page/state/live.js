/** What happens right now, as the recorder tells it: server-sent events that survive a restart, a nap and a lost network. */

const EVENTS = Object.freeze(["hello", "begun", "progress", "ended", "erased", "reload"]);
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** A tab that nobody looks at gives its connection back after this while: browsers allow six to one recorder. */
const HIDDEN_PATIENCE = 60_000;

/**
 * @typedef {object} Hello
 * @property {string} time  the recorder's, in RFC 3339
 * @property {number} number  the newest that there is
 * @property {import("./in_flight.js").Begun[]} in_flight
 * @property {number} erasures  how often something was erased since the recorder started
 *
 * @typedef {"connecting" | "live" | "away" | "resting"} Liveness
 * @typedef {object} Listeners
 * @property {(hello: Hello) => void} hello  after each new connection
 * @property {(begun: import("./in_flight.js").Begun) => void} begun
 * @property {(progress: import("./in_flight.js").Progress) => void} progress
 * @property {(summary: import("./summary.js").Summary) => void} ended
 * @property {() => void} erased  somebody erased exchanges, here or elsewhere, now or while nobody listened
 * @property {() => void} reload  too much was missed to be told one by one
 * @property {(state: Liveness) => void} state
 */

/** @param {Listeners} listeners */
export function listen(listeners) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let nap;
  let pause = FIRST_PAUSE;
  /** How often something was erased since the recorder started, as far as was heard. @type {number | undefined} */
  let erasures;

  function connect() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("/live");
    listeners.state("connecting");
    for (const name of EVENTS) source.addEventListener(name, hear);
    source.onopen = () => {
      pause = FIRST_PAUSE;
      listeners.state("live");
    };
    source.onerror = () => {
      listeners.state("away");
      // The browser tries again by itself after a lost connection, but not after an answer like 503 or 401.
      if (source?.readyState !== EventSource.CLOSED) return;
      retry = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  }

  /** @param {Event} event */
  function hear(event) {
    const { type, data } = /** @type {MessageEvent<string>} */ (event);
    /** @type {Hello} */
    let message;
    try {
      message = JSON.parse(data || "{}");
    } catch {
      return;
    }
    const isUnheard = type === "hello" && erasures !== undefined && erasures !== message.erasures;
    erasures = message.erasures ?? erasures;
    // Each event has its own form; "hello" stands for all of them here.
    listeners[/** @type {"hello"} */ (type)](message);
    if (isUnheard) listeners.erased();
  }

  function rest() {
    clearTimeout(retry);
    source?.close();
    source = undefined;
    listeners.state("resting");
  }

  function arrange() {
    clearTimeout(nap);
    if (document.hidden) nap = setTimeout(rest, source ? HIDDEN_PATIENCE : 0);
    else if (!source) connect();
  }

  document.addEventListener("visibilitychange", arrange);
  arrange();
}
