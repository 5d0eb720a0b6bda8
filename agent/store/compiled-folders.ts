// Where the engines of a version keep what they compiled, a folder for each slot. The engines fill them; they go with the version.
import { join } from 'node:path';
import type { Disk } from './disk.ts';

export class CompiledFolders {
  private readonly folder: string;
  private readonly disk: Disk;

  /** @param folder must be there */
  constructor(folder: string, disk: Disk) {
    this.folder = folder;
    this.disk = disk;
  }

  /** @param slot its name */
  path(slot: string): string {
    return join(this.folder, slot);
  }

  /** Removes what belongs to no slot in `kept`. @returns how many folders went */
  async keepOnly(kept: ReadonlySet<string>): Promise<number> {
    // Whoever clears a disk by hand may take the whole of it.
    if (!(await this.disk.find(this.folder))) return 0;
    const gone = (await this.disk.names(this.folder)).filter((name) => !kept.has(name));
    for (const name of gone) await this.disk.remove(this.path(name));
    return gone.length;
  }
}
