// What an idle agent takes, built and started as in production: connected, nothing installed, measured after it has settled.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle } from '../../deploy/build/bundle.ts';
import { copyNative } from '../../deploy/build/native.ts';
import { root } from '../../deploy/build/root.ts';
import { median } from '../../shared/statistics.ts';
import { Fleet } from '../e2e/fleet.ts';
import { createToken } from '../e2e/raw-device.ts';
import type { PerfResult } from './result.ts';

const SETTLE_MS = 15_000;
const READINGS = 5;
const BETWEEN_MS = 1000;

export async function measureAgentMemory(): Promise<PerfResult> {
  const fleet = new Fleet();
  try {
    const built = join(fleet.folder, 'agent');
    const entries = {
      main: 'agent/main.ts',
      worker: 'agent/engine/worker.ts',
      'read-hardware': 'agent/read-hardware.ts',
      'runtime-command': 'agent/runtime-command.ts',
    };
    await bundle({ side: 'agent', entries, version: '0.1.0' }, built);
    copyNative('agent', built, [process.arch === 'arm64' ? 'arm64' : 'x64']);
    const server = await fleet.server();
    const token = await createToken(server);
    const args = ['--server', server.url, '--token', token, '--name', 'idle', '--data', fleet.agentData('idle')];
    const agent = await fleet.start('idle', [...flagsOfTheService(), join(built, 'main.js'), ...args]);
    await sleep(SETTLE_MS);
    const readings: { rss: number; pss: number }[] = [];
    for (let i = 0; i < READINGS; i++) {
      readings.push(memoryOf(agent.process.pid ?? 0));
      await sleep(BETWEEN_MS);
    }
    return report(readings);
  } finally {
    await fleet.end();
  }
}

/** Node's flags as the unit has them. */
function flagsOfTheService(): string[] {
  const unit = readFileSync(join(root, 'deploy/systemd/stillhouse-agent.service'), 'utf8');
  return /^ExecStart=\S+ (.*) \S+$/m.exec(unit)?.[1]?.split(' ') ?? [];
}

function memoryOf(pid: number): { rss: number; pss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024;
  return { rss: field('Rss'), pss: field('Pss') };
}

function report(readings: readonly { readonly rss: number; readonly pss: number }[]): PerfResult {
  const rss = readings.map((reading) => reading.rss);
  const pss = median(readings.map((reading) => reading.pss));
  return {
    name: 'agent-memory',
    what: 'idle agent as built for production, resident set',
    value: median(rss),
    unit: 'bytes',
    goal: 60e6,
    goalIs: 'at most',
    spread: { low: Math.min(...rss), high: Math.max(...rss) },
    detail: `its own share (PSS) ${(pss / 1e6).toFixed(1)} MB; ${READINGS} readings after ${SETTLE_MS / 1000} s`,
  };
}

if (import.meta.main) console.log(await measureAgentMemory());
