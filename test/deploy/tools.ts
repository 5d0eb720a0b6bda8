// Programs of the system that some tests need.
import { spawnSync } from 'node:child_process';

/** @throws Error in CI, where none may be missing; elsewhere says what is left out */
export function has(program: string): boolean {
  if (spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0) return true;
  if (process.env.CI) throw new Error(`${program} is missing; CI needs it: apt-get install ${packageOf(program)}`);
  console.warn(`${program} is missing (apt-get install ${packageOf(program)}): its tests are left out`);
  return false;
}

const packageOf = (program: string): string => (program === 'systemd-analyze' ? 'systemd' : program);

/** A Debian of its own needs root for chroot and mounts. */
export function isRoot(): boolean {
  if (process.getuid?.() === 0) return true;
  console.warn('not root: the tests that run the installer in a Debian of their own are left out');
  return false;
}
