/** Where each row of the list lies, in pixels from its top: rows of one height, and a heading above the first of each day. */

/** @typedef {ReturnType<typeof makeRowPlaces>} RowPlaces */

export function makeRowPlaces() {
  let [rowHeight, headingHeight, count] = [0, 0, 0];
  /** What was arranged the last time: while one scrolls nothing is. @type {unknown[]} */
  let arranged = [];
  /** The rows with a heading above them. @type {number[]} */
  let firsts = [];

  /** @param {number} index  @returns {number} how many headings lie above the end of this row */
  function headingsUpTo(index) {
    let [low, high] = [0, firsts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (firsts[middle] <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} index */
  const top = (index) => index * rowHeight + headingsUpTo(index) * headingHeight;
  /** @param {number} index */
  const hasHeading = (index) => firsts[headingsUpTo(index) - 1] === index;
  /** @param {number} index */
  const outerTop = (index) => top(index) - (hasHeading(index) ? headingHeight : 0);

  return {
    /** @param {number} row  pixels @param {number} heading  pixels */
    measure(row, heading) {
      [rowHeight, headingHeight] = [row, heading];
    },
    /**
     * Today's rows need no heading while nothing older stands above them.
     * @param {number} inFlight  how many rows stand before those that have ended
     * @param {readonly {ended: number}[]} rows  that have ended, newest first
     * @param {number} now  Unix milliseconds
     */
    arrange(inFlight, rows, now) {
      let [begin, end] = daySpan(now);
      const wanted = [inFlight, rows.length, rows[0], rows[rows.length - 1], begin];
      if (wanted.every((part, index) => part === arranged[index])) return;
      arranged = wanted;
      count = inFlight + rows.length;
      firsts = [];
      for (let index = 0; index < rows.length; index++) {
        const { ended } = rows[index];
        if (ended >= begin && ended < end) continue;
        // A clock that was set tells moments of tomorrow: those are no older day.
        if (index === 0 && ended >= end) continue;
        [begin, end] = daySpan(ended);
        firsts.push(inFlight + index);
      }
    },
    /** Of a row itself. */
    top,
    /** Of a row with its heading, if it has one. */
    outerTop,
    hasHeading,
    height: () => (count ? top(count - 1) + rowHeight : 0),
    /** @param {number} y  pixels  @returns {number} the row at that height, or the last above it */
    at(y) {
      let [low, high] = [0, Math.max(0, count - 1)];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (outerTop(middle) <= y) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}

/**
 * When the day of a moment begins and ends, by the reader's clock.
 * @param {number} ms  Unix milliseconds
 * @returns {[number, number]}
 */
function daySpan(ms) {
  const date = new Date(ms);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return [new Date(year, month, day).getTime(), new Date(year, month, day + 1).getTime()];
}
