/** What happens right now, as the recorder tells it: server-sent events that survive a restart, a nap and a lost network. */

const EVENTS = Object.freeze(["hello", "begun", "progress", "ended", "erased", "reload"]);
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;
/** A tab that nobody looks at gives its connection back after this while: browsers allow six to one recorder. */
const HIDDEN_PATIENCE = 60_000;

/**
 * @typedef {"connecting" | "live" | "away" | "resting"} Liveness
 * @typedef {object} Ears
 * @property {(said: any) => void} hello  after each new connection: what is in flight, the newest number, and the time
 * @property {(said: any) => void} begun
 * @property {(said: any) => void} progress
 * @property {(said: any) => void} ended
 * @property {(said: any) => void} erased  somebody erased exchanges, here or elsewhere, now or while nobody listened
 * @property {(said: any) => void} reload  too much was missed to be told one by one
 * @property {(how: Liveness) => void} state
 */

/** @param {Ears} ears */
export function listen(ears) {
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
    ears.state("connecting");
    for (const name of EVENTS) source.addEventListener(name, hear);
    source.onopen = () => {
      pause = FIRST_PAUSE;
      ears.state("live");
    };
    source.onerror = () => {
      ears.state("away");
      // The browser tries again by itself after a lost connection, but not after an answer like 503 or 401.
      if (source?.readyState !== EventSource.CLOSED) return;
      retry = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    };
  }

  /** @param {Event} event */
  function hear(event) {
    const { type, data } = /** @type {MessageEvent<string>} */ (event);
    /** @type {any} */
    let said = {};
    try {
      said = JSON.parse(data || "{}");
    } catch {
      return;
    }
    const isUnheard = type === "hello" && erasures !== undefined && erasures !== said.erasures;
    erasures = said.erasures ?? erasures;
    ears[/** @type {"hello"} */ (type)](said);
    if (isUnheard) ears.erased(said);
  }

  function rest() {
    clearTimeout(retry);
    source?.close();
    source = undefined;
    ears.state("resting");
  }

  function arrange() {
    clearTimeout(nap);
    if (document.hidden) nap = setTimeout(rest, source ? HIDDEN_PATIENCE : 0);
    else if (!source) connect();
  }

  document.addEventListener("visibilitychange", arrange);
  arrange();
}
