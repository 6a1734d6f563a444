/** The models that can be asked. */

import { ask } from "./api.js";

/** Asked once a visit: it goes through the gateway, and so is recorded too. @type {Promise<{models: string[]}> | undefined} */
let installed;

/**
 * The models that this Ollama has; where it does not tell, those that were used before.
 * @returns {Promise<string[]>}
 */
export async function knownModels() {
  try {
    installed ??= ask("/models.json");
    return (await installed).models;
  } catch {
    installed = undefined;
  }
  return usedModels().catch(() => []);
}

async function usedModels() {
  /** @type {{values: [string, number][]}} */
  const used = await ask("/values.json?field=model");
  return used.values.map(([name]) => name);
}
