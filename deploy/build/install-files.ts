// What the server offers to a device: per architecture an agent with its packages and a Node, and the installer's
// template with a list of them. With these a device needs neither the internet nor npm.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archive, describe } from './archive.ts';
import { type Architecture, copyNative } from './native.ts';
import { copyNode, nodeVersion } from './node-runtime.ts';
import { root } from './root.ts';

/** @param options.agent the bundle, still without its packages */
export async function buildInstall(options: {
  readonly agent: string;
  readonly install: string;
  readonly architectures: readonly Architecture[];
  readonly version: string;
}): Promise<void> {
  const { install, architectures, version } = options;
  rmSync(install, { recursive: true, force: true });
  mkdirSync(install, { recursive: true });
  const files: Record<string, { sha256: string; sizeBytes: number }> = {};
  for (const architecture of architectures)
    for (const [name, fill] of [
      ['agent', (folder: string) => fillAgent(folder, options.agent, architecture)],
      ['node', (folder: string) => copyNode(architecture, folder)],
    ] as const) {
      const file = `${name}-linux-${architecture}.tar.gz`;
      const described = await pack(name, fill, join(install, file));
      console.log(`${join(install, file)}  ${(described.sizeBytes / 1e6).toFixed(1)} MB`);
      files[file] = described;
    }
  cpSync(join(root, 'deploy/install.sh'), join(install, 'install.sh'));
  const list = { version, nodeVersion: nodeVersion(), files };
  writeFileSync(join(install, 'files.json'), `${JSON.stringify(list, null, 2)}\n`);
}

function fillAgent(folder: string, bundle: string, architecture: Architecture): void {
  cpSync(bundle, folder, { recursive: true });
  copyNative('agent', folder, [architecture]);
  cpSync(join(root, 'deploy/systemd/stillhouse-agent.service'), join(folder, 'stillhouse-agent.service'));
  for (const file of ['LICENSE', 'NOTICE']) cpSync(join(root, file), join(folder, file));
}

async function pack(name: string, fill: (folder: string) => void, file: string) {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-build-'));
  try {
    mkdirSync(join(folder, name));
    fill(join(folder, name));
    await archive(folder, [name], file);
    return await describe(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
