// A file of nothing, kept so that it can be given up: on a disk that others have filled to the last byte the database could
// not even write down that an installation failed of it, and the agent would try again for ever.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';

const BALLAST_BYTES = 1024 * 1024;

export class Ballast {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Takes the space, where there is some; a disk that is full goes without. */
  keep(): void {
    if (statSync(this.path, { throwIfNoEntry: false })) return;
    try {
      // Written, not only made long: a hole takes no space.
      const file = openSync(`${this.path}.new`, 'w');
      try {
        writeSync(file, Buffer.alloc(BALLAST_BYTES));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${this.path}.new`, this.path);
    } catch {
      rmSync(`${this.path}.new`, { force: true });
    }
  }

  /** @returns whether there was any */
  giveUp(): boolean {
    if (!statSync(this.path, { throwIfNoEntry: false })) return false;
    rmSync(this.path, { force: true });
    return true;
  }
}
