// Packages that hold the binaries of one platform (Node itself, the libraries of koffi and sharp), for either architecture, at the
// version that the lock file pins.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.ts';

const CACHE = join(root, 'node_modules/.cache/stillhouse');

/**
 * The folder of a package for one platform. npm installs the one of this machine only; another is fetched once and
 * checked against the lock file.
 *
 * @param file one that it must hold
 */
export function platformPackage(name: string, file: string): string {
  const installed = join(root, 'node_modules', name);
  return existsSync(join(installed, file)) ? installed : fetched(name);
}

function fetched(name: string): string {
  const { version, integrity } = locked(name);
  const home = join(CACHE, `${name.replace('/', '-')}-${version}`);
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

export function locked(name: string): { readonly version: string; readonly integrity: string } {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (!entry) throw new Error(`package-lock.json has no ${name}`);
  return entry;
}
