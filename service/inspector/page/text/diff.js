/**
 * What differs between two texts, in words: Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), in its
 * linear-space form, which finds the middle of a shortest edit script and goes on in both halves.
 */

/**
 * @typedef {{kind: "same" | "gone" | "new", text: string}} Piece
 */

/** About how many steps a comparison may take: the page must not stand still for it. Longer texts are compared less deeply. */
const MOST_STEPS = 25_000_000;

/**
 * Words, each with the white space after it; in scripts without blanks, characters.
 * @param {string} text
 * @returns {string[]}
 */
export function words(text) {
  return text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}_'’]+|\s+|[^\p{L}\p{N}_'’\s]/gu) ?? [];
}

/**
 * The pieces of both texts in reading order; neighbours of one kind are one piece.
 * @param {string} before
 * @param {string} after
 * @returns {Piece[]}
 */
export function difference(before, after) {
  const [one, other] = [words(before), words(after)];
  const ids = new Map();
  const number = (/** @type {string} */ word) => {
    let id = ids.get(word);
    if (id === undefined) ids.set(word, (id = ids.size));
    return id;
  };
  const a = Int32Array.from(one, number);
  const b = Int32Array.from(other, number);
  const isGone = new Uint8Array(a.length);
  const isNew = new Uint8Array(b.length);
  mark(a, b, isGone, isNew);
  return tidied(pieces(one, other, isGone, isNew));
}

/**
 * How much of two texts is the same: words in common over all words, 0 to 1.
 * @param {Piece[]} found
 */
export function likeness(found) {
  let [same, all] = [0, 0];
  for (const { kind, text } of found) {
    const count = words(text).filter((word) => word.trim()).length;
    same += kind === "same" ? 2 * count : 0;
    all += kind === "same" ? 2 * count : count;
  }
  return all ? same / all : 1;
}

/**
 * @param {Int32Array} a
 * @param {Int32Array} b
 * @param {Uint8Array} isGone  set for each word of `a` that `b` lacks
 * @param {Uint8Array} isNew  set for each word of `b` that `a` lacks
 */
function mark(a, b, isGone, isNew) {
  const most = a.length + b.length + 3;
  const forward = new Int32Array(2 * most + 1);
  const backward = new Int32Array(2 * most + 1);
  const deepest = Math.max(32, Math.floor(MOST_STEPS / most));
  const open = [[0, a.length, 0, b.length]];
  while (open.length) {
    let [aFrom, aTo, bFrom, bTo] = /** @type {number[]} */ (open.pop());
    while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) aFrom++, bFrom++;
    while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) aTo--, bTo--;
    const middle = aFrom < aTo && bFrom < bTo && middleOf(a, b, aFrom, aTo, bFrom, bTo, forward, backward, deepest);
    if (middle) {
      open.push([aFrom, middle[0], bFrom, middle[1]], [middle[0], aTo, middle[1], bTo]);
    } else {
      isGone.fill(1, aFrom, aTo);
      isNew.fill(1, bFrom, bTo);
    }
  }
}

/**
 * A point that a shortest edit script passes, found from both ends at once; undefined when nothing is in common.
 * Where that would take too long, the point that the search from the beginning got furthest with.
 * @returns {[number, number] | undefined}
 */
function middleOf(
  /** @type {Int32Array} */ a, /** @type {Int32Array} */ b,
  /** @type {number} */ aFrom, /** @type {number} */ aTo, /** @type {number} */ bFrom, /** @type {number} */ bTo,
  /** @type {Int32Array} */ forward, /** @type {Int32Array} */ backward, /** @type {number} */ deepest,
) {
  const [n, m] = [aTo - aFrom, bTo - bFrom];
  const delta = n - m;
  const isOdd = (delta & 1) !== 0;
  const zero = (forward.length - 1) / 2;
  forward[zero + 1] = 0;
  backward[zero + 1] = 0;
  for (let depth = 0; 2 * depth <= n + m + 1; depth++) {
    if (depth > deepest) return furthest(forward, zero, depth - 1, aFrom, aTo, bFrom, bTo);
    for (let k = -depth; k <= depth; k += 2) {
      const isDown = k === -depth || (k !== depth && forward[zero + k - 1] < forward[zero + k + 1]);
      let x = isDown ? forward[zero + k + 1] : forward[zero + k - 1] + 1;
      let y = x - k;
      while (x < n && y < m && a[aFrom + x] === b[bFrom + y]) x++, y++;
      forward[zero + k] = x;
      const opposite = delta - k;
      if (isOdd && Math.abs(opposite) < depth && x <= n && y <= m && x + backward[zero + opposite] >= n) {
        return inside(aFrom + x, bFrom + y, aFrom, aTo, bFrom, bTo);
      }
    }
    for (let k = -depth; k <= depth; k += 2) {
      const isDown = k === -depth || (k !== depth && backward[zero + k - 1] < backward[zero + k + 1]);
      let x = isDown ? backward[zero + k + 1] : backward[zero + k - 1] + 1;
      let y = x - k;
      while (x < n && y < m && a[aTo - 1 - x] === b[bTo - 1 - y]) x++, y++;
      backward[zero + k] = x;
      const opposite = delta - k;
      if (!isOdd && Math.abs(opposite) <= depth && x <= n && y <= m && x + forward[zero + opposite] >= n) {
        return inside(aTo - x, bTo - y, aFrom, aTo, bFrom, bTo);
      }
    }
  }
  return undefined;
}

/**
 * @returns {[number, number] | undefined}
 */
function furthest(
  /** @type {Int32Array} */ forward, /** @type {number} */ zero, /** @type {number} */ depth,
  /** @type {number} */ aFrom, /** @type {number} */ aTo, /** @type {number} */ bFrom, /** @type {number} */ bTo,
) {
  let [bestX, bestY] = [0, 0];
  for (let k = -depth; k <= depth; k += 2) {
    const x = Math.min(forward[zero + k], aTo - aFrom);
    const y = Math.min(x - k, bTo - bFrom);
    if (y >= 0 && x + y > bestX + bestY) [bestX, bestY] = [x, y];
  }
  return inside(aFrom + bestX, bFrom + bestY, aFrom, aTo, bFrom, bTo);
}

/**
 * A corner would leave one half as large as the whole: then nothing was in common.
 * @returns {[number, number] | undefined}
 */
function inside(
  /** @type {number} */ x, /** @type {number} */ y,
  /** @type {number} */ aFrom, /** @type {number} */ aTo, /** @type {number} */ bFrom, /** @type {number} */ bTo,
) {
  const isCorner = (x === aFrom && y === bFrom) || (x === aTo && y === bTo);
  return isCorner ? undefined : [x, y];
}

/**
 * @param {string[]} one
 * @param {string[]} other
 * @param {Uint8Array} isGone
 * @param {Uint8Array} isNew
 * @returns {Piece[]}
 */
function pieces(one, other, isGone, isNew) {
  /** @type {Piece[]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    const [firstGone, firstNew, firstSame] = [i, j, 0];
    while (i < one.length && isGone[i]) i++;
    while (j < other.length && isNew[j]) j++;
    if (i > firstGone) found.push({ kind: "gone", text: one.slice(firstGone, i).join("") });
    if (j > firstNew) found.push({ kind: "new", text: other.slice(firstNew, j).join("") });
    let same = firstSame;
    while (i + same < one.length && j + same < other.length && !isGone[i + same] && !isNew[j + same]) same++;
    if (same) found.push({ kind: "same", text: one.slice(i, i + same).join("") });
    i += same;
    j += same;
  }
  return found;
}

/**
 * Lets a blank between two replaced words belong to the replacement: "red car" to "blue bus" is one change, not two.
 * @param {Piece[]} found
 * @returns {Piece[]}
 */
function tidied(found) {
  /** @type {Piece[]} */
  const tidy = [];
  let [gone, fresh] = ["", ""];
  const flush = () => {
    if (gone) tidy.push({ kind: "gone", text: gone });
    if (fresh) tidy.push({ kind: "new", text: fresh });
    [gone, fresh] = ["", ""];
  };
  found.forEach((piece, index) => {
    if (piece.kind === "gone") gone += piece.text;
    else if (piece.kind === "new") fresh += piece.text;
    else if (!piece.text.trim() && isReplaced(found, index, gone, fresh)) {
      gone += piece.text;
      fresh += piece.text;
    } else {
      flush();
      tidy.push(piece);
    }
  });
  flush();
  return tidy;
}

/**
 * Whether on both sides of a blank together words went and others came.
 * @param {Piece[]} found
 * @param {number} index  of the blank
 * @param {string} gone  before it
 * @param {string} fresh  before it
 */
function isReplaced(found, index, gone, fresh) {
  const after = new Set([found[index + 1]?.kind, found[index + 2]?.kind === "new" ? "new" : undefined]);
  const hasBefore = gone !== "" || fresh !== "";
  const hasAfter = after.has("gone") || after.has("new");
  return hasBefore && hasAfter && (gone !== "" || after.has("gone")) && (fresh !== "" || after.has("new"));
}
