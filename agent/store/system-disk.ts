// The real disk; every store is handed one.
import { execFile } from 'node:child_process';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
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
  reserve,
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

/**
 * Node has no fallocate(2), util-linux has; `--keep-size` leaves the file's end where it is, so that what stands in a part
 * file is still exactly what has arrived. Without the program or the file system's help nothing is reserved.
 */
async function reserve(path: string, sizeBytes: number): Promise<void> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  try {
    await promisify(execFile)('fallocate', ['--keep-size', '--length', String(sizeBytes), path], { env });
  } catch (error) {
    if (!/No space left/.test((error as { stderr?: string }).stderr ?? '')) return;
    throw Object.assign(new Error(`no space for ${sizeBytes} bytes`, { cause: error }), { code: 'ENOSPC' });
  }
}
