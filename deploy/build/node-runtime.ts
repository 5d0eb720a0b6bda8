// Node for either architecture, as the npm platform packages bring it, at the version that the lock file pins.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from './native.ts';
import { root } from './root.ts';

const CACHE = join(root, 'node_modules/.cache/stillhouse');

/** Puts bin/node and its licence into `folder`. */
export function copyNode(architecture: Architecture, folder: string): void {
  const name = `node-linux-${architecture}`;
  const installed = join(root, 'node_modules', name);
  const home = existsSync(join(installed, 'bin/node')) ? installed : fetched(name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const file of ['bin/node', 'LICENSE']) cpSync(join(home, file), join(folder, file));
}

export function nodeVersion(): string {
  return locked(`node-linux-${process.arch}`).version;
}

/** npm installs the platform package of this machine only; the other one is fetched once and checked. */
function fetched(name: string): string {
  const { version, integrity } = locked(name);
  const home = join(CACHE, `${name}-${version}`);
  if (existsSync(home)) return home;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'fetch-'));
  try {
    const archive = join(folder, packed(`${name}@${version}`, folder));
    const digest = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (digest !== integrity)
      throw new Error(`${name}@${version} is ${digest}, but package-lock.json says ${integrity}`);
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    renameSync(join(folder, 'package'), home);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return home;
}

/** @returns the archive's file name */
function packed(specification: string, folder: string): string {
  try {
    const args = ['pack', specification, '--silent', '--pack-destination', folder];
    return execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  } catch (cause) {
    const only = process.arch === 'arm64' ? 'arm64' : 'x64';
    throw new Error(
      `npm could not fetch ${specification}; offline, build for one machine: npm run build -- --arch ${only}`,
      {
        cause,
      },
    );
  }
}

function locked(name: string): { readonly version: string; readonly integrity: string } {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (!entry) throw new Error(`package-lock.json has no ${name}`);
  return entry;
}
