/** The words that were searched for, marked where they stand in the open exchange. */

/** What stands between quotation marks, or up to the next blank, as the recorder's search reads it. */
const TERM = /(-?)"([^"]*)"(\*?)|\S+/g;
/** Scripts that put no blanks between words: there a word is found wherever it stands. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const NO_LETTER = "[^\\p{L}\\p{N}]";
/** A person reads no further, and the page must not stand still. */
const MOST_MARKS = 2_000;
const MOST_CHARACTERS = 400_000;

/**
 * Without accents and capitals, and exactly as long as before, so that places in one are places in the other.
 * @param {string} text
 */
export function plain(text) {
  return text.replace(/[A-Z\u0080-\uffff]/g, (unit) => unit.normalize("NFD")[0].toLowerCase()[0]);
}

/**
 * What finds the words of a search in a text made `plain`; undefined where there is nothing to find.
 * @param {string} query
 * @returns {RegExp | undefined}
 */
export function patternOf(query) {
  const patterns = [];
  for (const [piece, , phrase, star] of query.matchAll(TERM)) {
    if (piece === "OR" || (piece.startsWith("-") && piece.length > 1)) continue;
    const words = plain(phrase ?? piece).match(/[\p{L}\p{N}]+/gu);
    if (!words) continue;
    const isBeginning = phrase === undefined ? piece.endsWith("*") : star === "*";
    const [first, last] = [words[0][0], words[words.length - 1].slice(-1)];
    const before = UNSPACED.test(first) ? "" : "(?<![\\p{L}\\p{N}])";
    const after = isBeginning ? "[\\p{L}\\p{N}]*" : UNSPACED.test(last) ? "" : "(?![\\p{L}\\p{N}])";
    patterns.push(before + words.join(`${NO_LETTER}+`) + after);
  }
  return patterns.length ? new RegExp(patterns.join("|"), "gu") : undefined;
}

/**
 * Marks them without touching an element, as the browser's own search does; older browsers show no marks.
 * @param {Element} parent  its texts have the class "text"
 * @param {string} query
 */
export function highlight(parent, query) {
  const { highlights } = CSS;
  if (!highlights) return;
  highlights.delete("found");
  const pattern = patternOf(query);
  if (!pattern) return;
  const ranges = [];
  for (const node of textsOf(parent)) {
    for (const hit of plain(node.data.slice(0, MOST_CHARACTERS)).matchAll(pattern)) {
      if (ranges.length === MOST_MARKS) break;
      const [startOffset, endOffset] = [hit.index, hit.index + hit[0].length];
      ranges.push(new StaticRange({ startContainer: node, startOffset, endContainer: node, endOffset }));
    }
  }
  if (ranges.length) highlights.set("found", new Highlight(...ranges));
}

/**
 * Each stretch of text in the blocks of a conversation.
 * @param {Element} parent
 * @returns {Text[]}
 */
function textsOf(parent) {
  return [...parent.querySelectorAll(".conversation .text")].flatMap((block) => {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(/** @type {Text} */ (walker.currentNode));
    return found;
  });
}
