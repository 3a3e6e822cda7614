// The fixed limits of the sources, as rows for docs/6-reference/fixed-limits.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROOMS = ['core', 'servers', 'protocols', 'bytes', 'media'];
const CONSTANT = /((?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?)(?:export )?const ([A-Z][A-Z0-9_]+) = ([\d_ *+.]+);/g;
/** What bounds a length, a count, a time or a queue is called like this. */
const IS_LIMIT = /^MAX_|_MS$|_TIMEOUT|AT_ONCE|_PER_TURN$|_PER_WRITE$/;
/** Names that look like limits and are units. */
const NO_LIMITS = new Set(['DAY_MS', 'MAX_PORT']);

const PREFACE = `# Fixed limits

<!-- Made by scripts/generate-reference.mjs from the sources; change those. -->

Every length, count, time and queue that is bounded by a number in the program, with the file that has it. What you can set stands in [Configuration](config.md); the most important ones of both
kinds, in words: [Limits](limits.md).
`;

/** A product or sum of plain numbers. */
function valueOf(expression: string): number {
  const terms = expression
    .split('+')
    .map((term) => term.split('*').map((factor) => Number(factor.replaceAll('_', ''))));
  return terms.reduce((sum, factors) => sum + factors.reduce((product, factor) => product * factor, 1), 0);
}

type Units = readonly (readonly [name: string, size: number])[];

function scaled(value: number, units: Units): string {
  const [name, size] = units.find(([, unit]) => value >= unit && value % unit === 0) ?? units.at(-1)!;
  return `${value / size} ${name}`;
}

function readable(name: string, value: number): string {
  if (/_MS$/.test(name))
    return scaled(value, [
      ['h', 3_600_000],
      ['min', 60_000],
      ['s', 1000],
      ['ms', 1],
    ]);
  if (/_BYTES$/.test(name))
    return scaled(value, [
      ['MiB', 1 << 20],
      ['KiB', 1 << 10],
      ['bytes', 1],
    ]);
  return String(value);
}

const sentence = (comment: string): string =>
  comment
    .replace(/^\s*\/?\*+\/?/gm, '')
    .replaceAll('*/', '')
    .replace(/\s+/g, ' ')
    .trim()
    .replaceAll('|', '\\|');

/** One limit of the sources. */
export interface FixedLimit {
  readonly file: string;
  readonly name: string;
  readonly value: string;
  /** '' when nobody has said it. */
  readonly meaning: string;
}

/** Every limit of the sources. */
export function fixedLimits(root: string): FixedLimit[] {
  return ROOMS.flatMap((room) =>
    readdirSync(join(root, 'src', room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort(),
  ).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(CONSTANT)]
      .filter(([, , name]) => IS_LIMIT.test(name!) && !NO_LIMITS.has(name!))
      .map(([, comment, name, expression]) => ({
        file: relative(join(root, 'src'), path).replaceAll('\\', '/'),
        name: name!,
        value: readable(name!, valueOf(expression!)),
        meaning: sentence(comment!),
      })),
  );
}

/** The page. */
export function renderLimits(root: string): string {
  const rows = fixedLimits(root).map(
    ({ file, name, value, meaning }) => `| ${meaning} | ${value} | \`${file}\` \`${name}\` |`,
  );
  return `${PREFACE}\n| what | limit | where |\n|---|---|---|\n${rows.join('\n')}\n`;
}
