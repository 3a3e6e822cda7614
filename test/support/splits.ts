export interface Split {
  readonly name: string;
  readonly chunks: readonly Buffer[];
}

export interface SplitOptions {
  /** At most so many single cuts; they are spread evenly when there are more places. */
  readonly cuts?: number;
  /** So many divisions at random places. */
  readonly random?: number;
  readonly seed?: number;
}

/**
 * The ways in which the same bytes may arrive: whole, byte by byte, cut once at each place, cut at random places (the same
 * ones in each run). An incremental parser must make the same of all.
 */
export function* splits(bytes: Buffer, options: SplitOptions = {}): Generator<Split> {
  const { cuts = 64, random = 8, seed = 1 } = options;
  yield { name: 'whole', chunks: [bytes] };
  yield { name: 'byte by byte', chunks: Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)) };
  const places = bytes.length - 1;
  const step = Math.max(1, places / cuts);
  for (let place = 1; place <= places; place += step) {
    const at = Math.floor(place);
    yield { name: `cut at ${at}`, chunks: [bytes.subarray(0, at), bytes.subarray(at)] };
  }
  const next = randomNumbers(seed);
  for (let turn = 0; turn < random; turn++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(next() * Math.max(1, bytes.length / 5));
      chunks.push(bytes.subarray(at, end));
      at = end;
    }
    yield { name: `random ${turn}`, chunks };
  }
}

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x100000000;
  };
}
