/** What time it is for the recorder: a browser's clock may be minutes away from that. */

let ahead = 0;

/** @param {string} time  as the recorder says it just now */
export function setClock(time) {
  ahead = Date.parse(time) - Date.now();
}

/** @returns {number} Unix milliseconds */
export function recordersNow() {
  return Date.now() + ahead;
}
