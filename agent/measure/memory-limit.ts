// What a control group leaves of the machine's memory: a service with MemoryMax= dies of it long before the machine is full.
import { join } from 'node:path';
import { numberAfter, readKernelFile } from './proc.ts';

const CONTROL_GROUPS = '/sys/fs/cgroup';

/** Names of the kernel's documents cgroup-v2 and cgroup-v1/memory; of version 1 only the memory's own hierarchy counts. */
const VERSIONS = [
  {
    line: /^0::(\/.*)$/m,
    folder: '.',
    files: ['memory.max', 'memory.current', 'memory.stat'],
    cached: ['inactive_file', 'active_file'],
    mapped: 'file_mapped',
  },
  {
    line: /^\d+:(?:\w+,)*memory(?:,\w+)*:(\/.*)$/m,
    folder: 'memory',
    files: ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'memory.stat'],
    cached: ['total_inactive_file', 'total_active_file'],
    mapped: 'total_mapped_file',
  },
] as const;
type Version = (typeof VERSIONS)[number];

/** Bytes that this process and its children may still take; Infinity without a limit (or without control groups). */
export async function leftInControlGroup(root = CONTROL_GROUPS, self = '/proc/self/cgroup'): Promise<number> {
  const groups = (await readKernelFile(self)) ?? '';
  const left = VERSIONS.flatMap((version) => {
    const path = version.line.exec(groups)?.[1];
    if (path === undefined) return [];
    // A container sees its own group as the root, which has a limit there and none on the machine itself.
    const parts = ['.', ...path.split('/').filter(Boolean)];
    return parts.map((_, depth) => leftIn(join(root, version.folder, ...parts.slice(0, depth + 1)), version));
  });
  return Math.min(Number.POSITIVE_INFINITY, ...(await Promise.all(left)));
}

/** The page cache of files that nobody has mapped is given back before a process is ended for want of memory. */
async function leftIn(folder: string, { files, cached, mapped }: Version): Promise<number> {
  const [most, current, stat] = await Promise.all(files.map((name) => readKernelFile(join(folder, name))));
  const limit = Number.parseInt(most ?? '', 10);
  if (Number.isNaN(limit)) return Number.POSITIVE_INFINITY;
  const bytes = (name: string) => numberAfter(stat ?? null, name) ?? 0;
  const cachedBytes = cached.reduce((sum, name) => sum + bytes(name), 0);
  return Math.max(0, limit - Number.parseInt(current ?? '0', 10) + Math.max(0, cachedBytes - bytes(mapped)));
}
