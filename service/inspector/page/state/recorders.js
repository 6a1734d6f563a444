/** The recorders that ship to the same Loki as this one: whether there is such a Loki, who this one is, where the others are. */

/** @typedef {{stores?: string[], peers?: Record<string, string>, journal?: {instance?: string}}} Status  of /status.json */

let own = "";
let hasAll = false;
/** @type {Record<string, string>} */
let peers = {};

/**
 * @param {Status} status
 * @returns {boolean} whether something is otherwise than before
 */
export function setRecorders({ stores = [], peers: told = {}, journal = {} }) {
  const before = JSON.stringify([own, hasAll, peers]);
  [own, hasAll, peers] = [journal.instance ?? "", stores.includes("loki"), told];
  return JSON.stringify([own, hasAll, peers]) !== before;
}

/** Whether the exchanges of all recorders can be asked for here. */
export function knowsAllRecorders() {
  return hasAll;
}

/** @param {string} instance */
export function isOwn(instance) {
  return instance !== "" && instance === own;
}

/**
 * Where another recorder shows an exchange of its own.
 * @param {string} instance
 * @param {string} id
 * @returns {string} an address, or "": PEERS does not name that recorder
 */
export function addressAt(instance, id) {
  const base = Object.hasOwn(peers, instance) ? peers[instance] : "";
  return /^https?:/.test(base) ? `${base}/?from=all&show=${encodeURIComponent(id)}` : "";
}
