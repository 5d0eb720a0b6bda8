import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import setup from '../temp-folder.ts';

it('a run cleans up behind itself and behind one that was killed, and leaves those that live', () => {
  const before = process.env.TMPDIR;
  const around = mkdtempSync(join(tmpdir(), 'stillhouse-around-'));
  // No process has so high a number: /proc/sys/kernel/pid_max ends at 2²².
  const [dead, alive, other] = ['stillhouse-tests-4194305', `stillhouse-tests-${process.ppid}`, 'stillhouse-tests-x'];
  for (const name of [dead, alive, other]) mkdirSync(join(around, name, 'slots'), { recursive: true });
  try {
    process.env.TMPDIR = around;
    const end = setup();
    expect([dead, alive, other].map((name) => existsSync(join(around, name)))).toEqual([false, true, true]);
    expect(tmpdir()).toBe(join(around, `stillhouse-tests-${process.pid}`));
    writeFileSync(join(tmpdir(), 'left'), 'x');
    end();
    expect(existsSync(join(around, `stillhouse-tests-${process.pid}`))).toBe(false);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(around, { recursive: true });
  }
});
