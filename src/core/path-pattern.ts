import { parseStreamPath } from './stream-path.ts';

/** Stands for any one part of a path. */
const ANY = '*';

/** Has the pattern a part that is not said: does it name more than one stream? */
export function isPattern(pattern: string): boolean {
  return pattern.split('/').includes(ANY);
}

/** Can this be a path or a pattern of one: `/live/alice`, `/live/*`? */
export function isPathPattern(pattern: string): boolean {
  try {
    const parts = pattern.split('/');
    parseStreamPath(parts.map((part) => (part === ANY ? 'any' : part)).join('/'));
    return true;
  } catch {
    return false;
  }
}

/** Does `pattern` name this path? `*` stands for exactly one part of it; all other parts are compared letter by letter. */
export function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const found = path.split('/');
  return wanted.length === found.length && wanted.every((part, index) => part === ANY || part === found[index]);
}
