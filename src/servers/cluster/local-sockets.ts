import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names for local sockets that no other user can reach: in a folder of mode 0700, or of the kind that Windows has. */
export class LocalSockets {
  /** `null` on Windows. */
  readonly folder: string | null;
  readonly #prefix: string;

  constructor() {
    const isWindows = process.platform === 'win32';
    this.folder = isWindows ? null : mkdtempSync(join(tmpdir(), 'nms-'));
    this.#prefix = this.folder ?? `\\\\.\\pipe\\nms-${randomBytes(8).toString('hex')}`;
  }

  path(name: string): string {
    return this.folder === null ? `${this.#prefix}-${name}` : join(this.folder, `${name}.sock`);
  }

  /** Removes the folder. */
  close(): void {
    if (this.folder !== null) rmSync(this.folder, { recursive: true, force: true });
  }
}
