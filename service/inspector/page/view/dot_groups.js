/** The dots of the timeline in groups of one colour each, in the order in which they are drawn. */

import { modelName } from "../state/model_names.js";
import { DOT_KINDS } from "../state/tables.js";

/**
 * @typedef {import("../state/dots.js").Dot} Dot
 * @typedef {{colour: string, name: string, dots: Dot[]}} DotGroup  `name`: of a model, or ""
 */

const OTHER_MODELS = "model-other";
/** @type {Map<string, number>} */
const colours = new Map();

/**
 * What failed is drawn last: it must not hide beneath what went well.
 * @param {Dot[]} dots
 * @returns {DotGroup[]}
 */
export function groupByKind(dots) {
  return DOT_KINDS.map(({ name: colour }, kind) => ({ colour, name: "", dots: dots.filter((dot) => dot[2] === kind) }));
}

/**
 * @param {Dot[]} dots  of all models
 * @param {import("../state/timeline_data.js").ModelDots[]} models  the most frequent ones
 * @returns {DotGroup[]}
 */
export function groupByModel(dots, models) {
  // A dot of all models is named after the newest in it: those that no model of ours claims are of the others.
  const claimed = new Set(models.flatMap((model) => model.dots.map((dot) => dot[4])));
  const others = { colour: OTHER_MODELS, name: "others", dots: dots.filter((dot) => !claimed.has(dot[4])) };
  giveColours(models.map(({ name }) => name));
  return [others, ...models.map(({ name, dots: own }) => ({ colour: `model-${colours.get(name)}`, name, dots: own }))];
}

/**
 * A model keeps its colour while one looks around; a new one takes the first that nobody here has.
 * @param {string[]} names  as many as there are colours, or fewer
 */
function giveColours(names) {
  const taken = new Set(names.map((name) => colours.get(name)));
  for (const name of names.filter((one) => !colours.has(one))) {
    let free = 0;
    while (taken.has(free)) free += 1;
    for (const [other, colour] of colours) if (colour === free) colours.delete(other);
    colours.set(name, free);
    taken.add(free);
  }
}

/**
 * Where one that just ended belongs.
 * @param {DotGroup[]} groups
 * @param {import("../state/tables.js").RecordFields} record
 * @returns {{kind: number, group: DotGroup}}
 */
export function groupOf(groups, record) {
  const kind = !record.failed ? 0 : record.outcome === "client_left" ? 2 : 1;
  return { kind, group: groups.find(({ colour, name }) => colour === DOT_KINDS[kind].name || name === modelName(record.model ?? "")) ?? groups[0] };
}
