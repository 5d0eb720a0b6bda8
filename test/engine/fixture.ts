// A small trained version, as a device has it on its disk, and the pieces that damage it.
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import type { Clock } from '../../shared/clock.ts';
import { Manifest } from '../../shared/manifest.ts';

export const FIXTURE = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));

/** The spec of the first variant of the version in `folder`. */
export function specOf(folder = FIXTURE): EngineSpec {
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  const [variant] = manifest.variants;
  if (!variant) throw new Error(`${folder}: no variant`);
  return { versionDigest: '0'.repeat(64), manifest, variant, folder };
}

/** A copy of the fixture in a temporary folder; `damage` is told the file's absolute path. */
export function damagedCopy(file: string, damage: (path: string) => void): EngineSpec {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-damaged-'));
  cpSync(FIXTURE, folder, { recursive: true });
  const spec = specOf(folder);
  damage(join(folder, spec.variant.folder, file));
  return spec;
}

/** Replaces the first occurrence of `from` by bytes of the same length. */
export function overwrite(path: string, from: string, to: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(from, 0, 'latin1');
  if (at < 0 || from.length !== to.length) throw new Error(`${path}: cannot replace ${from} by ${to}`);
  bytes.write(to, at, 'latin1');
  writeFileSync(path, bytes);
}

/** Real time, in which no wait is longer than `maxWaitMs`. */
export function clockOf(maxWaitMs = Infinity): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delayMs, action) {
      const timer = setTimeout(action, Math.min(delayMs, maxWaitMs));
      return () => clearTimeout(timer);
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until `condition` holds; fails after `withinMs`. */
export async function eventually(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not so within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
