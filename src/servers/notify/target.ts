import { type NotifyConfig, type TargetConfig, targetSection } from './config.ts';
import { type HookEvent, hookEvents, nmsEvents } from './event-names.ts';

/** Somebody who is called about events. */
export interface Target {
  /** No other target has it; it holds no secrets. */
  readonly name: string;
  readonly url: URL;
  readonly format: TargetConfig['format'];
  readonly events: ReadonlySet<HookEvent>;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly onError: TargetConfig['onError'];
}

/** An address without what may be secret in it: parameters, user and password. */
function showUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function createTarget({ url, name, events, ...rest }: TargetConfig): Target {
  const address = new URL(url);
  const all = rest.format === 'nms' ? nmsEvents : hookEvents;
  return { ...rest, url: address, name: name ?? showUrl(address), events: new Set(events ?? all) };
}

/** The targets of the configuration, `notify.url` first. Of several with one name, each after the first gets a number. */
export function createTargets({ url, targets }: NotifyConfig): Target[] {
  const short = url === '' ? [] : [targetSection.parse({ url, format: 'nms' })];
  const seen = new Map<string, number>();
  return [...short, ...targets].map(createTarget).map((target) => {
    const before = seen.get(target.name) ?? 0;
    seen.set(target.name, before + 1);
    return before === 0 ? target : { ...target, name: `${target.name}#${before + 1}` };
  });
}
