/** JSON laid out for reading, by its own characters: no digit, no key and no escape becomes another. All pure. */

/** A string, or a piece between the signs that make the form. */
const PIECE = /"(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+|[{}[\],:]/g;
const STEP = "  ";
/** Deeper JSON would be wider than any screen. */
const DEEPEST = 60;
/** Longer texts stay as they are: a person reads no further. */
const MOST_CHARACTERS = 1_000_000;

/**
 * An object or a list with something in it, a line for each of its parts; any other text as it is.
 * @param {string} text
 * @returns {string}
 */
export function laidOut(text) {
  if (text.length > MOST_CHARACTERS || !/^\s*[[{]/.test(text) || !isJson(text)) return text;
  const pieces = text.match(PIECE) ?? [];
  return pieces.length > 2 ? (linesOf(pieces) ?? text) : text;
}

/**
 * Whether a text is a JSON object or list, laid out or not.
 * @param {string} text
 */
export function isJsonBody(text) {
  return text.length <= MOST_CHARACTERS && /^\s*[[{]/.test(text) && isJson(text);
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string[]} pieces
 * @returns {string | undefined} undefined where it is too deep
 */
function linesOf(pieces) {
  let [made, depth] = ["", 0];
  for (const [index, piece] of pieces.entries()) {
    if (piece === "{" || piece === "[") {
      if (++depth > DEEPEST) return undefined;
      made += piece + (isEnd(pieces[index + 1]) ? "" : lineAt(depth));
    } else if (isEnd(piece)) {
      depth--;
      made += (/[{[]/.test(pieces[index - 1][0]) ? "" : lineAt(depth)) + piece;
    } else if (piece === ",") made += piece + lineAt(depth);
    else made += piece === ":" ? ": " : piece;
  }
  return made;
}

/** @param {string} piece */
const isEnd = (piece) => piece === "}" || piece === "]";

/** @param {number} depth */
const lineAt = (depth) => `\n${STEP.repeat(depth)}`;
