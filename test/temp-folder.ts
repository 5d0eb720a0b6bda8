// All temporary folders of a test run lie in one, which goes with it; what a run that was killed has left goes with the next.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'stillhouse-tests-';

/** Vitest's global set-up. @returns its end */
export default function setup(): () => void {
  const around = tmpdir();
  for (const name of readdirSync(around)) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)$`).exec(name) ?? [];
    if (pid && !lives(Number(pid))) remove(join(around, name));
  }
  const own = join(around, `${PREFIX}${process.pid}`);
  mkdirSync(own, { mode: 0o700 });
  // Workers, and what they start, ask the environment.
  process.env.TMPDIR = own;
  return () => remove(own);
}

/** Somebody else's, which this user may not remove, stays. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    console.error(`${folder} could not be removed`);
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
