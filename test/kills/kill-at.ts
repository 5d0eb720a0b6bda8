// Ends a process with SIGKILL in the moment in which an installation's state stands on its disk. (A watch of the file
// does not serve: the look itself is an event. Nor does a stop before the look: it stops with the database's locks.)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal } from '../../shared/machine.ts';
import type { Running } from '../e2e/fleet.ts';
import { newestInstallation, openRecords } from './agent-records.ts';

const LOOK_EVERY_MS = 1;

/** @returns whether it happened before the installation ended or `timeoutMs` passed; if not, the process runs on */
export async function killInState(
  agent: Running,
  folder: string,
  wanted: { readonly installationId: (id: string) => boolean; readonly state: InstallationState; timeoutMs: number },
): Promise<boolean> {
  const database = openRecords(folder);
  try {
    const endMs = performance.now() + wanted.timeoutMs;
    while (performance.now() < endMs && isAlive(agent)) {
      const now = newestInstallation(database);
      if (now && wanted.installationId(now.installationId) && now.state === wanted.state) {
        await agent.kill();
        return true;
      }
      if (now && wanted.installationId(now.installationId) && isFinal(installationTable, now.state)) return false;
      await setTimeout(LOOK_EVERY_MS);
    }
    return false;
  } finally {
    database.close();
  }
}

const isAlive = ({ process: child }: Running): boolean => child.exitCode === null && child.signalCode === null;

/** Processes that the agent started and that have not ended. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

export const isGone = (pid: number): boolean => parentOf(pid) === null;

/** Null when there is no such process, or only its exit code is left. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(join('/proc', String(pid), 'stat'), 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : Number(parent);
  } catch {
    return null;
  }
}
