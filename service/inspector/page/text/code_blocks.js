/** Where a text holds blocks of code between fences, as models write them. All pure. */

/** @typedef {{isCode: boolean, text: string}} Stretch */

/** Each becomes an element; more of them no person wrote, and no page draws in time. */
const MOST_STRETCHES = 400;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/**
 * The stretches of a text, in order; together they are the text. A fence belongs to its code, and one that is
 * never closed reaches to the end, as an answer may be cut off in it.
 * @param {string} text
 * @returns {Stretch[]}
 */
export function stretchesOf(text) {
  /** @type {Stretch[]} */
  const stretches = [];
  let [fence, gathered] = ["", ""];
  const end = (/** @type {boolean} */ isCode) => {
    if (gathered) stretches.push({ isCode, text: gathered });
    gathered = "";
  };
  for (const line of text.split(/(?<=\n)/)) {
    const found = FENCE.exec(line)?.[1] ?? "";
    if (!fence && found && !(found[0] === "`" && line.trimStart().slice(found.length).includes("`"))) {
      end(false);
      fence = found;
      gathered = line;
    } else if (fence && found.startsWith(fence) && line.trim() === found) {
      gathered += line;
      end(true);
      fence = "";
    } else gathered += line;
  }
  end(fence !== "");
  return stretches.length > MOST_STRETCHES ? [{ isCode: false, text }] : stretches;
}
