import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../stage.ts';
import { stream } from '../stream.ts';

export function settle(seconds: number): Promise<void> {
  return sleep(seconds * 1000);
}

const gopMs = (stream.gop / stream.fps) * 1000;

/** Waits for the middle of a group of pictures, at least until `minMs` from now. */
export async function middleOfGop(publisher: Publisher, minMs: number): Promise<void> {
  const earliest = performance.now() + minMs - publisher.startMs - gopMs / 2;
  const at = publisher.startMs + gopMs / 2 + Math.ceil(Math.max(0, earliest) / gopMs) * gopMs;
  await sleep(at - performance.now());
}
