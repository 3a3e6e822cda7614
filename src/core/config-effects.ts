import type { ConfigEffect } from './configuration.ts';

/** When a new value counts, by key or by what keys begin with; the longest that fits decides. */
export type ConfigEffects = Readonly<Record<string, ConfigEffect>>;

/** Of the sections of the core and of parts that do not say it themselves. Every key has an entry; a test holds that. */
export const configEffects: ConfigEffects = {
  bind: 'listener',
  workers: 'restart',
  drainTimeoutMs: 'now',
  trustedProxies: 'new',
  auth: 'new',
  'auth.failures': 'now',
  'auth.jwt': 'now',
  publish: 'now',
  'publish.timestamps': 'new',
  'publish.maxJumpMs': 'new',
  'publish.maxBytesPerSecond': 'new',
  play: 'new',
  gop: 'new',
  limits: 'new',
  'limits.handshakeTimeoutMs': 'restart',
  'limits.httpHeaderTimeoutMs': 'restart',
  'limits.maxHttpHeaderBytes': 'restart',
  'limits.maxWebSocketMessageBytes': 'restart',
  'limits.maxMessageBytes': 'restart',
  log: 'now',
  'log.format': 'restart',
  store: 'restart',
  'store.maxHistoryDays': 'now',
  record: 'new',
  webadmin: 'now',
  access: 'new',
  notify: 'now',
  'notify.maxCallsPerTarget': 'restart',
  static: 'restart',
  flv: 'new',
  rtmp: 'new',
  'rtmp.port': 'listener',
  rtmps: 'new',
  'rtmps.port': 'listener',
  http: 'restart',
  'http.port': 'listener',
  https: 'new',
  'https.port': 'listener',
};

/** Those of the core and of parts that say their own. */
export function effectsOf(parts: readonly { readonly effects?: ConfigEffects }[]): ConfigEffects {
  return Object.assign({}, configEffects, ...parts.map(({ effects }) => effects ?? {})) as ConfigEffects;
}

/** What the longest fitting prefix of a dotted key says; `null`: none fits. */
export function effectOf(key: string, effects: ConfigEffects): ConfigEffect | null {
  for (let prefix = key; prefix !== ''; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))) {
    if (Object.hasOwn(effects, prefix)) return effects[prefix] ?? null;
  }
  return null;
}
