import type { Context } from '../../core/context.ts';

/** Why the server is not ready for newcomers; none: it is. */
export function obstaclesOf({ isOpen, isStopping, obstacles }: Context): string[] {
  if (isStopping) return ['the server is stopping'];
  const reasons = obstacles.flatMap((read) => read());
  return isOpen || reasons.length > 0 ? reasons : ['not all doors are open'];
}
