import fc from 'fast-check';

type Mutation = (bytes: Buffer) => Buffer;

const places = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** The bytes that break parsers: ends of ranges, and what means something to some format. */
const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2, 3, 9, 0x7f, 0x80, 0xfe, 0xff));

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(places, byte).map(
    ([place, value]): Mutation =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        if (copy.length > 0) copy[Math.floor(place * copy.length)] = value;
        return copy;
      },
  ),
  places.map(
    (place): Mutation =>
      (bytes) =>
        bytes.subarray(0, Math.floor(place * bytes.length)),
  ),
  fc.tuple(places, fc.uint8Array({ maxLength: 6 })).map(
    ([place, added]): Mutation =>
      (bytes) => {
        const at = Math.floor(place * bytes.length);
        return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
      },
  ),
  fc.tuple(places, places).map(
    ([place, length]): Mutation =>
      (bytes) => {
        const at = Math.floor(place * bytes.length);
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + Math.floor(length * 8))]);
      },
  ),
);

/** One of these valid inputs with a few bytes changed, added or cut off: close enough to get deep into a parser. */
export function mutated(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutation, { maxLength: 4 }))
    .map(([seed, mutations]) => mutations.reduce<Buffer>((bytes, mutate) => mutate(bytes), Buffer.from(seed)));
}
