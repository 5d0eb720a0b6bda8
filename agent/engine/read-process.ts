// Memory and CPU time of a process as the kernel counts them, read from outside: a blocked engine still answers.
import { readFile } from 'node:fs/promises';
import { EngineFault, type EngineResources } from './engine.ts';

/** USER_HZ, fixed at 100 on every Linux that we run on (man 7 time). */
const TICK_MS = 10;

/** @throws EngineFault `killed` when the process is gone */
export async function readProcess(pid: number): Promise<EngineResources> {
  const [status, stat] = await Promise.all(
    ['status', 'stat'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
  ).catch((cause) => {
    throw new EngineFault('killed', `process ${pid} is gone`, { cause });
  });
  return {
    rssBytes: bytesOf(status, 'VmRSS'),
    peakRssBytes: bytesOf(status, 'VmHWM'),
    anonymousBytes: bytesOf(status, 'RssAnon'),
    mappedBytes: bytesOf(status, 'RssFile'),
    cpuMs: cpuTicks(stat) * TICK_MS,
  };
}

function bytesOf(status: string | undefined, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status ?? '')?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/** utime + stime, fields 14 and 15 of proc_pid_stat(5); the second field may hold spaces and ends with ")". */
function cpuTicks(stat = ''): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
