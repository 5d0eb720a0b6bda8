// Processor time of a process: what a comparison can be made of on a machine that others work on, too.
import { readdirSync, readFileSync } from 'node:fs';

/** Milliseconds that all threads of a process ran (Linux: the first field of each task's `schedstat`, in nanoseconds). */
export function processTimeMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => sum + nanosecondsOf(`${tasks}/${task}/schedstat`) / 1e6, 0);
}

const nanosecondsOf = (file: string): number => Number(readFileSync(file, 'utf8').split(' ')[0]);
