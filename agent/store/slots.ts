// A slot is the folder that an engine runs from: the artifacts of one variant under their manifest paths, hard links to
// the blobs. It is built aside and renamed, so a slot that has its name is whole.
import { dirname, join } from 'node:path';
import type { Disk } from './disk.ts';

export interface SlotFile {
  /** Relative, as the manifest names it. */
  readonly path: string;
  readonly blob: string;
}

export class Slots {
  private readonly folder: string;
  private readonly disk: Disk;

  /** @param folder must be there */
  constructor(folder: string, disk: Disk) {
    this.folder = folder;
    this.disk = disk;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** @param path of a file in a slot; rejects where there is none */
  async readText(path: string): Promise<string> {
    return (await this.disk.readWhole(path)).toString('utf8');
  }

  /** Whether each file of the slot is its blob: the same inode. Where links are impossible, a slot is built anew. */
  async isBuilt(name: string, files: readonly SlotFile[]): Promise<boolean> {
    for (const { path, blob } of files) {
      const [inSlot, inBlobs] = await Promise.all([this.disk.find(join(this.path(name), path)), this.disk.find(blob)]);
      if (!inSlot || inSlot.file !== inBlobs?.file) return false;
    }
    return true;
  }

  async build(name: string, files: readonly SlotFile[]): Promise<void> {
    const aside = this.path(`.new-${name}`);
    await this.disk.remove(aside);
    const folders = new Set<string>();
    for (const { path, blob } of files) {
      const target = join(aside, path);
      await this.disk.makeFolder(dirname(target));
      for (let folder = dirname(target); folder.length >= aside.length; folder = dirname(folder)) folders.add(folder);
      await this.place(blob, target);
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) await this.disk.syncFolder(folder);
    await this.replace(name, aside);
  }

  /** Removes every slot that is not in `kept`, and what an interrupted build left. */
  async keepOnly(kept: ReadonlySet<string>): Promise<string[]> {
    const gone = (await this.disk.names(this.folder)).filter((name) => !kept.has(name));
    for (const name of gone) await this.disk.remove(this.path(name));
    return gone;
  }

  private async replace(name: string, aside: string): Promise<void> {
    const old = this.path(`.old-${name}`);
    await this.disk.remove(old);
    if (await this.disk.find(this.path(name))) await this.disk.rename(this.path(name), old);
    await this.disk.rename(aside, this.path(name));
    await this.disk.syncFolder(this.folder);
    await this.disk.remove(old);
  }

  private async place(blob: string, target: string): Promise<void> {
    try {
      await this.disk.link(blob, target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // FAT, some network and overlay file systems have no hard links; one artifact more than a file can have links is rare.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EMLINK', 'ENOSYS'].includes(code ?? '')) throw error;
      await this.disk.copy(blob, target);
    }
  }
}
