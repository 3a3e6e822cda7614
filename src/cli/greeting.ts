/** A door that is open, as the server reports it. */
export interface OpenListener {
  readonly name: 'rtmp' | 'rtmps' | 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

const TEST_PICTURE =
  'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 ' +
  '-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60 -c:a aac -f flv';

/** A name by which this machine reaches the listener. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

/** For what the server asks for a credential. */
export interface AskedCredentials {
  readonly publish: boolean;
  readonly play: boolean;
}

/**
 * Two lines ready to paste: how to publish, and where to watch; fewer when no door serves the purpose. One more for each
 * that needs a credential.
 */
export function greetingLines(listeners: readonly OpenListener[], asked: AskedCredentials): string[] {
  const origin = (name: OpenListener['name']): string | null => {
    const found = listeners.find((listener) => listener.name === name);
    return found === undefined ? null : `${name}://${reachableHost(found.host)}:${found.port}`;
  };
  const rtmp = origin('rtmp') ?? origin('rtmps');
  const http = origin('http') ?? origin('https');
  const lines: string[] = [];
  if (rtmp !== null) lines.push(`publish: ${TEST_PICTURE} ${rtmp}/live/test`);
  else if (http !== null) lines.push(`publish: ${TEST_PICTURE} ${http}/live/test.flv`);
  if (http !== null) lines.push(`watch: ${http}/`);
  else if (rtmp !== null) lines.push(`watch: ffplay ${rtmp}/live/test`);
  for (const action of ['publish', 'play'] as const) {
    if (asked[action]) lines.push(`auth.${action} is on: nms sign ${action} /live/test makes an address that may`);
  }
  return lines;
}
