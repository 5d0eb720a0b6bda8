// A slot is the folder that an engine runs from: the artifacts of one variant under their manifest paths, hard links to
// the blobs. It is built aside and renamed, so a slot that has its name is whole.
import { mkdirSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './sync-folder.ts';

export interface SlotFile {
  /** Relative, as the manifest names it. */
  readonly path: string;
  readonly blob: string;
}

export class Slots {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Whether each file of the slot is its blob: the same inode. Where links are impossible, a slot is built anew. */
  async isBuilt(name: string, files: readonly SlotFile[]): Promise<boolean> {
    for (const { path, blob } of files) {
      const [inSlot, inBlobs] = await Promise.all([
        stat(join(this.path(name), path)).catch(() => null),
        stat(blob).catch(() => null),
      ]);
      if (!inSlot || inSlot.ino !== inBlobs?.ino) return false;
    }
    return true;
  }

  async build(name: string, files: readonly SlotFile[]): Promise<void> {
    const aside = this.path(`.new-${name}`);
    await rm(aside, { recursive: true, force: true });
    const folders = new Set<string>();
    for (const { path, blob } of files) {
      const target = join(aside, path);
      await mkdir(dirname(target), { recursive: true });
      for (let folder = dirname(target); folder.length >= aside.length; folder = dirname(folder)) folders.add(folder);
      await place(blob, target);
    }
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) await syncFolder(folder);
    await this.replace(name, aside);
  }

  /** Removes every slot that is not in `kept`, and what an interrupted build left. */
  async keepOnly(kept: ReadonlySet<string>): Promise<string[]> {
    const gone = (await readdir(this.folder)).filter((name) => !kept.has(name));
    for (const name of gone) await rm(this.path(name), { recursive: true, force: true });
    return gone;
  }

  private async replace(name: string, aside: string): Promise<void> {
    const old = this.path(`.old-${name}`);
    await rm(old, { recursive: true, force: true });
    if (await stat(this.path(name)).catch(() => null)) await rename(this.path(name), old);
    await rename(aside, this.path(name));
    await syncFolder(this.folder);
    await rm(old, { recursive: true, force: true });
  }
}

async function place(blob: string, target: string): Promise<void> {
  try {
    await link(blob, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // FAT, some network and overlay file systems have no hard links; one artifact more than a file can have links is rare.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EMLINK', 'ENOSYS'].includes(code ?? '')) throw error;
    await copyFile(blob, target);
    const copy = await open(target, 'r');
    await copy.sync();
    await copy.close();
  }
}
