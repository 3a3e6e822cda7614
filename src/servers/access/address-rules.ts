import { AddressList } from '../../core/address-list.ts';
import type { Action } from '../../core/admission.ts';
import type { AccessConfig, AddressRule } from './config.ts';

/** One rule: what is denied is denied, and of the rest what is allowed; an empty list allows all. */
class Rule {
  readonly #allow: AddressList;
  readonly #deny: AddressList;

  constructor({ allow, deny }: AddressRule) {
    this.#allow = new AddressList(allow);
    this.#deny = new AddressList(deny);
  }

  allows(address: string): boolean {
    if (this.#deny.has(address)) return false;
    return this.#allow.isEmpty || this.#allow.has(address);
  }
}

/** The rules of all actions and apps: an app's own rule stands in place of the general one. */
export class AddressRules {
  readonly #general: Readonly<Record<Action, Rule>>;
  readonly #apps = new Map<string, Partial<Record<Action, Rule>>>();

  constructor({ publish, play, apps }: AccessConfig) {
    this.#general = { publish: new Rule(publish), play: new Rule(play) };
    for (const [app, rules] of Object.entries(apps)) {
      const own: Partial<Record<Action, Rule>> = {};
      for (const action of ['publish', 'play'] as const) {
        const rule = rules[action];
        if (rule !== undefined) own[action] = new Rule(rule);
      }
      this.#apps.set(app, own);
    }
  }

  allows(action: Action, app: string, address: string): boolean {
    return (this.#apps.get(app)?.[action] ?? this.#general[action]).allows(address);
  }
}
