/** Where the time of an exchange went, as the bar of a row shows it. Nothing else divides it. */

import { PHASES } from "./tables.js";

/** @typedef {{name: import("./tables.js").PhaseName, seconds: number}} Phase */

/**
 * The seconds of each phase that is known, in their order. The last "sending" is what the others leave of the whole,
 * which is all of it where Ollama measured nothing.
 * @param {import("./tables.js").RecordFields} record
 * @returns {Phase[]}
 */
export function phasesOf(record) {
  const whole = record.request_time ?? 0;
  if (!(whole > 0)) return [];
  /** @type {Phase[]} */
  const phases = [];
  let rest = whole;
  for (const { name, field } of PHASES) {
    const seconds = Math.min(record[field] ?? 0, rest);
    if (seconds <= 0) continue;
    phases.push({ name, seconds });
    rest -= seconds;
  }
  if (rest > 0) phases.push({ name: "sending", seconds: rest });
  return phases;
}
