// What can be said about deploy/ without running it. In CI a missing tool is a failure; elsewhere its test is left out.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../deploy/build/root.ts';
import { has } from './tools.ts';

it.runIf(has('shellcheck'))('shellcheck has nothing to say about the shell scripts', () => {
  const checked = spawnSync('shellcheck', ['deploy/install.sh', '.ci/run'], { cwd: root, encoding: 'utf8' });
  expect(checked.stdout + checked.stderr).toBe('');
});

it.runIf(has('systemd-analyze')).each(['agent', 'server'])('systemd understands the unit of the %s', (side) => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-unit-'));
  try {
    const unit = join(folder, `stillhouse-${side}.service`);
    const text = readFileSync(join(root, `deploy/systemd/stillhouse-${side}.service`), 'utf8');
    writeFileSync(unit, text.replace(/\/opt\/\S+\/bin\/node/, process.execPath));
    const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    // Known to systemd 254 and newer; older ones ignore them, as the unit says.
    const young = /Unknown key.*'Restart(Steps|MaxDelaySec)'/;
    const complaints = (stdout + stderr).split('\n').filter((line) => line.includes(folder) && !young.test(line));
    expect({ complaints, status }).toEqual({ complaints: [], status: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('every native package of an agent is there for linux on x64 and arm64', () => {
  const machine = { x64: 0x3e, arm64: 0xb7 };
  for (const [architecture, expected] of Object.entries(machine))
    for (const file of [
      `better-sqlite3/prebuilds/linux-${architecture}.node`,
      `onnxruntime-node/bin/napi-v6/linux/${architecture}/onnxruntime_binding.node`,
      `onnxruntime-node/bin/napi-v6/linux/${architecture}/libonnxruntime.so.1`,
    ]) {
      const header = readFileSync(join(root, 'node_modules', file)).subarray(0, 20);
      expect([file, header.subarray(1, 4).toString(), header.readUInt16LE(18)]).toEqual([file, 'ELF', expected]);
    }
});

it.each(['node-linux-', '@koromix/koffi-linux-', '@img/sharp-linux-', '@img/sharp-libvips-linux-'])(
  'the lock file pins %s* for both architectures, with digests',
  (name) => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; cpu?: string | string[]; integrity: string }>;
    };
    const versions = ['x64', 'arm64'].map((architecture) => {
      const entry = lock.packages[`node_modules/${name}${architecture}`];
      expect([entry?.cpu].flat()).toEqual([architecture]);
      expect(entry?.integrity).toMatch(/^sha512-/);
      return entry?.version;
    });
    expect(new Set(versions).size).toBe(1);
  },
);

it('nothing that an agent installs brings a binary for one platform in a package of its own, but Node, koffi and sharp', () => {
  const listed = execFileSync('npm', ['ls', '--all', '--json', '--omit=dev', '--workspace', 'agent'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const names = [...listed.matchAll(/"((?:@[\w.-]+\/)?[\w.-]+)": \{/g)].map(([, name]) => name ?? '');
  const native = names.filter((name) => existsSync(join(root, 'node_modules', name, 'binding.gyp')));
  expect([...new Set(native)].filter((name) => !['better-sqlite3', 'koffi'].includes(name))).toEqual([]);
});
