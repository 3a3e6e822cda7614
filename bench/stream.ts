/** The stream of most suites: 2 Mbit/s video at 30 fps with a key frame every 2 s, 128 kbit/s audio. */
export const stream = { videoBps: 2_000_000, audioBps: 128_000, fps: 30, gop: 60 } as const;

/** The stream of the suite `streams`. */
export const smallStream = { ...stream, videoBps: 500_000 } as const;

export interface StreamShape {
  readonly videoBps: number;
  readonly audioBps: number;
  readonly fps: number;
  readonly gop: number;
}

/** Bytes a second of the media alone. */
export function mediaBytesPerS({ videoBps, audioBps }: StreamShape): number {
  return (videoBps + audioBps) / 8;
}
