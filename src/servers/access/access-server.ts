import type { Guard } from '../../core/admission.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import type { Server } from '../../core/server.ts';
import { DeniedError } from '../../errors.ts';
import { AddressRules } from './address-rules.ts';
import { type AccessConfig, accessSection } from './config.ts';

/** Refuses sessions by their address, before anybody asks them who they are. */
export class AccessServer implements Server {
  readonly #context: Context;
  readonly #guard: Guard;
  #rules: AddressRules;

  constructor(context: Context, config: AccessConfig) {
    this.#context = context;
    this.#rules = new AddressRules(config);
    this.#guard = (session, action) => {
      const { address, streamApp } = session;
      if (this.#rules.allows(action, streamApp, address)) return;
      throw new DeniedError(`your address${address === '' ? '' : `, ${address},`} may not ${action} here`, {
        isFinal: true,
      });
    };
    context.guards.unshift(this.#guard);
  }

  async run(): Promise<void> {}

  async prepare({ access }: { readonly access?: AccessConfig }): Promise<PreparedChange> {
    const rules = new AddressRules(access ?? accessSection.parse({}));
    return { commit: () => void (this.#rules = rules), cancel: () => {} };
  }

  async stop(): Promise<void> {
    const index = this.#context.guards.indexOf(this.#guard);
    if (index >= 0) this.#context.guards.splice(index, 1);
  }
}
