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

it('is without a bound where there is no limit, or no such group', async () => {
  expect(await left('0::/\n')).toBe(Number.POSITIVE_INFINITY);
  expect(await left('4:memory:/user\n')).toBe(Number.POSITIVE_INFINITY);
  expect(await left('0::/nowhere\n')).toBe(Number.POSITIVE_INFINITY);
});
