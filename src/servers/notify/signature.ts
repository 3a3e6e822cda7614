import { createHmac } from 'node:crypto';

/** `X-NMS-Signature`: `v1=<hex HMAC-SHA256 of "<timestamp>.<body>">`. @param timestamp unix seconds, as in `X-NMS-Timestamp` */
export function signCall(secret: string, timestamp: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

interface CallFacts {
  readonly id: string;
  readonly body: string;
  readonly secret: string;
  /** Unix milliseconds of this sending. */
  readonly now: number;
}

/** The headers that say which call it is, and that it is ours. */
export function callHeaders({ id, body, secret, now }: CallFacts): Record<string, string> {
  const timestamp = Math.floor(now / 1000);
  return {
    'Content-Type': 'application/json',
    'X-NMS-Id': id,
    'X-NMS-Timestamp': String(timestamp),
    ...(secret === '' ? {} : { 'X-NMS-Signature': signCall(secret, timestamp, body) }),
  };
}
