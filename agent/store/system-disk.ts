// The real disk; every store is handed one.
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import type { Disk, DiskFile } from './disk.ts';

const FLAGS = { read: 'r', append: 'a+', replace: 'w' } as const;

export const systemDisk: Disk = {
  open: async (path, mode) => fileOf(await open(path, FLAGS[mode])),
  readWhole: (path) => readFile(path),
  async find(path) {
    const found = await stat(path).catch(() => null);
    return found && { sizeBytes: found.size, file: found.ino };
  },
  names: (folder) => readdir(folder),
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { recursive: true, force: true }),
  link: (file, name) => link(file, name),
  async copy(from, to) {
    await copyFile(from, to);
    await synced(to);
  },
  syncFolder: (folder) => synced(folder),
};

function fileOf(handle: Awaited<ReturnType<typeof open>>): DiskFile {
  return {
    append: (bytes) => handle.appendFile(bytes),
    read: async (into, count, position) => (await handle.read(into, 0, count, position)).bytesRead,
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sizeBytes: async () => (await handle.stat()).size,
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
