/** One name for all spellings of a model that Ollama takes, as the recorder's index has it. */

const OUR_REGISTRY = /^(?:https?:[/]{2})?(?:registry\.ollama\.ai[/])?(?:library[/])?/;

/**
 * "tiny" for "Tiny:latest" and "library/tiny"
 * @param {string} model
 */
export function modelName(model) {
  return model.trim().toLowerCase().replace(OUR_REGISTRY, "").replace(/:latest$/, "") || model;
}
