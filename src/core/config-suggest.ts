/** Edits (insert, delete, replace, swap neighbours) that make one word the other. */
function distance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}

/** Longer words are not compared: nobody mistypes a key that badly. */
const MAX_WORD_LENGTH = 100;

/**
 * The candidate that was probably meant by `word`: at most a third of its letters away, upper and lower case alike, or
 * longer or shorter by a whole part (`grace` for `graceMs`). `null` when none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > MAX_WORD_LENGTH) return null;
  const wanted = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, known.length) / 3));
    const contained = Math.min(wanted.length, known.length) >= 4 && (known.includes(wanted) || wanted.includes(known));
    const found = contained ? 1 : distance(wanted, known);
    if (found < bestDistance && found <= allowed) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}
