import type { Guard } from '../../core/admission.ts';
import type { Context } from '../../core/context.ts';
import type { Server } from '../../core/server.ts';
import { DeniedError } from '../../errors.ts';
import type { AddressRules } from './address-rules.ts';

/** Refuses sessions by their address, before anybody asks them who they are. */
export class AccessServer implements Server {
  readonly #context: Context;
  readonly #guard: Guard;

  constructor(context: Context, rules: AddressRules) {
    this.#context = context;
    this.#guard = (session, action) => {
      const { address, streamApp } = session;
      if (rules.allows(action, streamApp, address)) return;
      throw new DeniedError(`your address${address === '' ? '' : `, ${address},`} may not ${action} here`, {
        isFinal: true,
      });
    };
    context.guards.unshift(this.#guard);
  }

  async run(): Promise<void> {}

  async stop(): Promise<void> {
    const index = this.#context.guards.indexOf(this.#guard);
    if (index >= 0) this.#context.guards.splice(index, 1);
  }
}
