import type { DatabaseSync } from 'node:sqlite';
import { Outbox } from '../../core/outbox.ts';
import type { Store } from '../../core/store.ts';

/** The outbox, wherever the store keeps it at the moment. */
export class OutboxStore {
  readonly #store: Store;
  #current: { readonly database: DatabaseSync; readonly outbox: Outbox } | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  get isPersistent(): boolean {
    return this.#store.isPersistent;
  }

  get isFailing(): boolean {
    return this.#store.isFailing;
  }

  /** @throws ConfigError as `Store.open` does */
  open(): void {
    this.#store.open(Outbox.part);
  }

  close(): void {
    this.#current = null;
    this.#store.close(Outbox.part);
  }

  /** `null`: it could not be done. */
  read<Result>(work: (outbox: Outbox) => Result): Result | null {
    return this.#store.read((database) => work(this.#outboxOf(database)));
  }

  /** In one transaction; `null`: nothing of it was done. */
  write<Result>(work: (outbox: Outbox) => Result): Result | null {
    return this.#store.write((database) => work(this.#outboxOf(database)));
  }

  #outboxOf(database: DatabaseSync): Outbox {
    if (this.#current?.database !== database) this.#current = { database, outbox: new Outbox(database) };
    return this.#current.outbox;
  }
}
