// What a control group leaves of the machine's memory: a service with MemoryMax= dies of it long before the machine is full.
import { join } from 'node:path';
import { numberAfter, readKernelFile } from './proc.ts';

const CONTROL_GROUPS = '/sys/fs/cgroup';

/** Bytes that this process and its children may still take; Infinity without a limit (or without cgroups v2). */
export async function leftInControlGroup(root = CONTROL_GROUPS, self = '/proc/self/cgroup'): Promise<number> {
  const path = /^0::(\/.*)$/m.exec((await readKernelFile(self)) ?? '')?.[1];
  if (path === undefined) return Number.POSITIVE_INFINITY;
  const parts = path.split('/').filter(Boolean);
  const folders = parts.map((_, depth) => join(root, ...parts.slice(0, depth + 1)));
  return Math.min(Number.POSITIVE_INFINITY, ...(await Promise.all(folders.map(leftIn))));
}

/** The page cache that nobody uses now is given back before a process is ended for want of memory. */
async function leftIn(folder: string): Promise<number> {
  const [most, current, stat] = await Promise.all(
    ['memory.max', 'memory.current', 'memory.stat'].map((name) => readKernelFile(join(folder, name))),
  );
  const limit = Number.parseInt(most ?? '', 10);
  if (Number.isNaN(limit)) return Number.POSITIVE_INFINITY;
  return Math.max(0, limit - Number.parseInt(current ?? '0', 10) + (numberAfter(stat ?? null, 'inactive_file') ?? 0));
}
