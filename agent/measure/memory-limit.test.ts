import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leftInControlGroup } from './memory-limit.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stillhouse-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const group = (path: string, max: string, current: number, inactive: number) => {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, 'memory.max'), `${max}\n`);
  writeFileSync(join(root, path, 'memory.current'), `${current}\n`);
  writeFileSync(join(root, path, 'memory.stat'), `anon 5\nfile 7\ninactive_file ${inactive}\n`);
};
const left = (lines: string) => {
  writeFileSync(join(root, 'self'), lines);
  return leftInControlGroup(root, join(root, 'self'));
};

it('is what the tightest group above leaves, with the page cache that can be given back', async () => {
  group('system.slice', '1000', 300, 100);
  group('system.slice/agent.service', 'max', 200, 0);
  expect(await left('0::/system.slice/agent.service\n')).toBe(800);
  group('system.slice/agent.service', '500', 450, 20);
  expect(await left('0::/system.slice/agent.service\n')).toBe(70);
});

it('is what the root leaves where a container sees its own group as that', async () => {
  group('.', '900', 400, 50);
  expect(await left('0::/\n')).toBe(550);
  group('system.slice', 'max', 300, 0);
  expect(await left('0::/system.slice\n')).toBe(550);
});

it('counts the files that nobody has mapped, though they were read twice', async () => {
  group('agent', '1000', 900, 100);
  writeFileSync(join(root, 'agent/memory.stat'), 'anon 300\ninactive_file 100\nactive_file 500\nfile_mapped 200\n');
  expect(await left('0::/agent\n')).toBe(1000 - 900 + 400);
});

it('reads control groups of version 1, too, whose memory has a hierarchy of its own', async () => {
  const folder = join(root, 'memory/docker/one');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'memory.limit_in_bytes'), '1000\n');
  writeFileSync(join(folder, 'memory.usage_in_bytes'), '700\n');
  writeFileSync(
    join(folder, 'memory.stat'),
    'inactive_file 9\ntotal_inactive_file 50\ntotal_active_file 60\ntotal_mapped_file 10\n',
  );
  for (const line of ['4:memory:/docker/one', '4:cpu,memory:/docker/one'])
    expect(await left(`9:name=systemd:/\n${line}\n0::/\n`)).toBe(400);
});

it('is without a bound where there is no limit, or no such group', async () => {
  expect(await left('0::/\n')).toBe(Number.POSITIVE_INFINITY);
  expect(await left('4:memory:/user\n')).toBe(Number.POSITIVE_INFINITY);
  expect(await left('0::/nowhere\n')).toBe(Number.POSITIVE_INFINITY);
});
