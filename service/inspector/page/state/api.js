/** Asking the recorder. Whatever goes wrong arrives as an Error whose message can be shown to a person. */

/**
 * @typedef {Error & {status: number}} Refusal  status 0: nobody answered
 * @typedef {{method?: string, body?: unknown, signal?: AbortSignal}} How
 */

/**
 * @param {string} message
 * @param {number} status
 * @returns {Refusal}
 */
function refusal(message, status) {
  return Object.assign(new Error(message), { status });
}

/**
 * @param {unknown} error
 * @returns {boolean} whether it only says that we no longer wanted the answer
 */
export function isAborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * Sends a request and returns the answer, its body unread, when it was a success.
 * @param {string} path
 * @param {How} [how] a `body` is sent as JSON
 * @returns {Promise<Response>}
 */
export async function send(path, { method = "GET", body, signal } = {}) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw refusal("The recorder does not answer. Is it still running?", 0);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) throw refusal("You are no longer signed in. Load the page again to sign in.", 401);
  throw refusal(await reasonOf(answer), answer.status);
}

/**
 * The answer's JSON, which is taken to be what docs/api.md promises.
 * @template T
 * @param {string} path
 * @param {How} [how]
 * @returns {Promise<T>}
 */
export async function ask(path, how) {
  const answer = await send(path, how);
  try {
    return await answer.json();
  } catch (error) {
    if (isAborted(error)) throw error;
    throw refusal("The recorder's answer ended too early. Try again.", 0);
  }
}

/** @param {Response} answer */
async function reasonOf(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const { error } = JSON.parse(text);
    // OpenAI and Anthropic wrap the sentence in an object, Ollama does not.
    const sentence = typeof error === "string" ? error : error?.message;
    if (typeof sentence === "string" && sentence) return sentence;
  } catch {
    // Not JSON: a proxy between us and the recorder wrote it.
  }
  return `The recorder answered ${answer.status} ${answer.statusText}`.trim() + ".";
}

/**
 * Turns many calls into one at a time: a newer call makes the older one's answer unwanted.
 * @returns {{next: () => AbortSignal, stop: () => void}}
 */
export function oneAtATime() {
  let controller = new AbortController();
  return {
    next() {
      controller.abort();
      controller = new AbortController();
      return controller.signal;
    },
    stop() {
      controller.abort();
    },
  };
}

/**
 * @param {string} path  of the recorder, with a query
 * @param {number} limit
 */
export function withLimit(path, limit) {
  const url = new URL(path, "http://recorder");
  url.searchParams.set("limit", String(limit));
  return url.pathname + url.search;
}
