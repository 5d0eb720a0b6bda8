// Node for either architecture, as the npm platform packages bring it.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from './native.ts';
import { locked, platformPackage } from './platform-package.ts';

/** Puts bin/node and its licence into `folder`. */
export function copyNode(architecture: Architecture, folder: string): void {
  const home = platformPackage(`node-linux-${architecture}`, 'bin/node');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const file of ['bin/node', 'LICENSE']) cpSync(join(home, file), join(folder, file));
}

export function nodeVersion(): string {
  return locked(`node-linux-${process.arch}`).version;
}
