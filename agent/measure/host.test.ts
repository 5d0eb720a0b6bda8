import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { readHost, readProcess } from './host.ts';
import { readHostCounters } from './host-counters.ts';

it('reads this machine', async () => {
  const host = await readHost();
  expect(host.memoryAvailableBytes).toBeGreaterThan(10e6);
  expect(host.load1).toBeGreaterThanOrEqual(0);
  const earlier = await readHostCounters();
  const later = await readHostCounters();
  expect(earlier.busyMs).toBeGreaterThan(0);
  expect(later.busyMs).toBeGreaterThanOrEqual(earlier.busyMs);
});

it('reads a process: its memory within its peak, and nothing of one that is gone', async () => {
  const own = await readProcess(process.pid);
  expect(own.rssBytes).toBeGreaterThan(10e6);
  expect(own.peakRssBytes).toBeGreaterThanOrEqual(own.rssBytes);
  expect(own.anonymousBytes).toBeLessThan(own.rssBytes);
  expect(own.cpuMs).toBeGreaterThan(0);
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  await expect(readProcess(child.pid ?? 0)).rejects.toThrow();
});
