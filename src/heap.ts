import { setFlagsFromString } from 'node:v8';

/** By how much the old part of the heap may outgrow what lives in it, in percent, before all of it is looked through. */
const GROWTH_PERCENT = 100;

/**
 * For processes that are this server's own. V8 looks through a heap of 35 MB again once it is some 10 MB larger, which two
 * hundred newcomers are: it would do so in the middle of every second crowd, and takes a core for it while they wait for
 * their first picture. Twice what lives is allowed; an operator's own choice, as a flag of `node`, stands.
 */
export function letHeapGrow(flags: readonly string[] = process.execArgv, set = setFlagsFromString): void {
  if (flags.some((flag) => /heap[-_]growing/.test(flag))) return;
  set(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
