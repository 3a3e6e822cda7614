import { isDeepStrictEqual } from 'node:util';
import { type ConfigEffects, effectOf } from './config-effects.ts';
import { dotted } from './config-issues.ts';
import type { ConfigKey } from './config-keys.ts';
import { publicValue } from './config-public.ts';
import { type ConfigInput, doorNames } from './config-schema.ts';
import { valueAt, withoutValue, withValue } from './config-tree.ts';
import type { ConfigEffect, ConfigKeyChange } from './configuration.ts';

/** Two of a class, such as an HTTP server, are the same only when they are one. */
function isSame(left: unknown, right: unknown): boolean {
  return left === right || isDeepStrictEqual(left, right);
}

/** The keys of all sections, and when new values count. */
export interface KnownKeys {
  readonly keys: readonly ConfigKey[];
  readonly effects: ConfigEffects;
}

function effect(path: readonly string[], { effects }: KnownKeys): ConfigEffect {
  return effectOf(dotted(path), effects) ?? 'restart';
}

/** What differs between two resolved configurations, key by key, without secrets. */
export function diffConfig(before: ConfigInput, after: ConfigInput, known: KnownKeys): ConfigKeyChange[] {
  return known.keys.flatMap(({ path }) => {
    const [from, to] = [valueAt(before, path), valueAt(after, path)];
    if (isSame(from, to)) return [];
    const shown = (value: unknown) => publicValue(value, path) ?? null;
    return [{ key: dotted(path), from: shown(from), to: shown(to), effect: effect(path, known) }];
  });
}

function isDoor(section: string): boolean {
  return doorNames.some((name) => name === section);
}

/**
 * What of `wanted` can be in force without a restart: the rest is as in `present`. `restart` names the keys that wait.
 */
export function untilRestart(
  wanted: ConfigInput,
  present: ConfigInput,
  known: KnownKeys,
): { readonly values: ConfigInput; readonly restart: readonly string[] } {
  const restart: string[] = [];
  let values = wanted;
  for (const { path } of known.keys) {
    if (effect(path, known) !== 'restart') continue;
    const [now, next] = [valueAt(present, path), valueAt(wanted, path)];
    if (isSame(now, next)) continue;
    const isShut = isDoor(path[0]) && wanted[path[0]] === undefined;
    if (isShut) continue;
    restart.push(dotted(path));
    values = now === undefined ? withoutValue(values, path) : withValue(values, path, now);
    if (present[path[0]] === undefined && !isDoor(path[0])) values = withoutValue(values, [path[0]]);
  }
  return { values, restart };
}
