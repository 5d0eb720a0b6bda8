// `still runtime install` says where an agent looks for what it brought.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import { OPENVINO_PACKAGES } from '../../agent/runtime/openvino/package.ts';
import { removeOpenVino } from '../../agent/runtime/openvino/remove.ts';
import { openVinoFolderName } from '../../agent/runtime/runtime-folders.ts';
import { clockOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const into = mkdtempSync(join(tmpdir(), 'stillhouse-runtimes-'));
afterAll(() => rmSync(into, { recursive: true }));
const command = fileURLToPath(new URL('../../agent/runtime-command.ts', import.meta.url));

const place = join(into, openVinoFolderName(process.arch));

async function install(env: Record<string, string>, ...more: string[]) {
  const from = join(await openVinoRuntimes(), openVinoFolderName(process.arch));
  return runtime(env, 'install', 'openvino', '--from', from, '--into', into, ...more);
}

function runtime(env: Record<string, string>, ...args: string[]) {
  const { STILL_RUNTIMES: _, ...bare } = process.env;
  return spawnSync(process.execPath, [command, ...args], { env: { ...bare, ...env }, encoding: 'utf8' });
}

it('names the variable for a folder that is not searched, and only then', async () => {
  const { status, stdout, stderr } = await install({});
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(into) });
  expect(stderr).toContain(`only with STILL_RUNTIMES=${into}`);
  expect((await install({ STILL_RUNTIMES: into })).stderr).not.toContain('STILL_RUNTIMES');
});

it('lets every user read what root installed, for the agent is a service of another user', async () => {
  expect((await install({})).status).toBe(0);
  const mode = statSync(place).mode & 0o777;
  expect(mode.toString(8)).toBe('755');
});

it('replaces libraries that are damaged, by which engines say so, where they stand', async () => {
  expect((await install({})).status).toBe(0);
  const library = join(place, 'libtbb.so.12');
  const whole = readFileSync(library);
  const file = openSync(library, 'r+');
  writeSync(file, 'not a library', 0);
  closeSync(file);
  expect(statSync(library).size).toBe(whole.length);
  await expect(openRuntime('openvino', place)).rejects.toThrow(/libtbb.*; "still runtime install openvino" replaces/);
  const from = join(await openVinoRuntimes(), openVinoFolderName(process.arch));
  const { status, stderr } = runtime({ STILL_RUNTIMES: into }, 'install', 'openvino', '--from', from);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('are damaged and are replaced') });
  expect(Buffer.compare(readFileSync(library), whole)).toBe(0);
  expect(runtime({ STILL_RUNTIMES: into }, 'list').stdout).toContain(` in ${place}\n`);
});

it.each([
  { of: 'its header', from: 0, to: 64 / 2 ** 20 },
  { of: 'its code, by which engines die', from: 0.1, to: 0.9 },
])(
  'names the command where a library of the right size is damaged in $of, and no version is to blame',
  async (flip) => {
    expect((await install({})).status).toBe(0);
    const library = join(place, OPENVINO_PACKAGES[process.arch]?.files[2]?.name ?? '');
    const { size } = statSync(library);
    const file = openSync(library, 'r+');
    const [from, to] = [Math.floor(flip.from * size), Math.floor(flip.to * size)];
    writeSync(file, Buffer.alloc(to - from, 0xa5), 0, to - from, from);
    closeSync(file);
    const notes: string[] = [];
    const { launcher } = new ResidentEngines({
      launcher: createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders: [into] }),
      ...{ clock: clockOf(), log: () => {}, onCrash: () => {} },
      crashes: { note: (_, message) => void notes.push(message), quarantineOf: () => null },
    });
    const spec = openVinoSpec();
    await expect(launcher.launch(spec)).rejects.toMatchObject({
      code: 'runtime_missing',
      message: expect.stringContaining('are damaged, and "still runtime install openvino" replaces them'),
    });
    expect(notes).toEqual([]);
    expect((await install({})).stderr).toContain('are damaged and are replaced');
    await (await launcher.launch(spec)).close();
    rmSync(spec.folder, { recursive: true });
  },
);

it('takes away what an installation left that was killed, and not what one is at work on', async () => {
  rmSync(place, { recursive: true, force: true });
  const [abandoned, current] = ['.openvino-aaaaaa', '.openvino-bbbbbb'].map((name) => join(into, name)) as [
    string,
    string,
  ];
  for (const folder of [abandoned, current]) mkdirSync(folder);
  const longAgo = Date.now() / 1000 - 3 * 3600;
  utimesSync(abandoned, longAgo, longAgo);
  expect((await install({})).status).toBe(0);
  expect([abandoned, current].map((folder) => existsSync(folder))).toEqual([false, true]);
});

// The folder is always named: without that the command would look where this machine's own runtime stands.
it('removes what it brought, damaged or not, and says what that freed, or that nothing is there', async () => {
  const remove = (...more: string[]) => runtime({}, 'remove', 'openvino', '--into', into, ...more);
  expect((await install({})).status).toBe(0);
  truncateSync(join(place, 'libtbb.so.12'), 5);
  const freedBytes = readdirSync(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0);
  const { status, stdout } = remove('--json');
  expect({ status, ...JSON.parse(stdout) }).toEqual({ status: 0, runtime: 'openvino', folder: place, freedBytes });
  expect(existsSync(place)).toBe(false);
  expect((await install({})).status).toBe(0);
  expect(remove().stdout).toMatch(/^removed .*, which frees \d+\.\d MB\n$/);
  expect(remove()).toMatchObject({ status: 1, stderr: expect.stringContaining(`stands in ${into}`) });
});

it('removes it from the first folder that has it alone', async () => {
  const folders = ['none', 'own', 'everybodys'].map((name) => join(into, name));
  const [, own, everybodys] = folders.map((folder) => join(folder, openVinoFolderName(process.arch)));
  for (const folder of [own, everybodys] as string[]) mkdirSync(folder, { recursive: true });
  expect(await removeOpenVino(folders)).toEqual({ folder: own, freedBytes: 0 });
  expect([own, everybodys].map((folder) => existsSync(folder as string))).toEqual([false, true]);
});

it.each([
  { args: ['list', 'openvino'], says: '"openvino" is too much' },
  { args: ['install'], says: 'say which runtime' },
  { args: ['remove'], says: 'say which runtime: "still runtime remove openvino"' },
  { args: ['remove', 'onnxruntime'], says: '"onnxruntime" cannot be removed' },
  { args: ['install', 'openvino', '--into', ''], says: '--into: expected a folder' },
  { args: ['install', 'openvino', '--into', `${command}/x`], says: /cannot install into .*ENOTDIR.*--into DIR takes/ },
])('says what is wrong with $args', ({ args, says }) => {
  const { status, stderr } = runtime({}, ...args);
  expect(status).not.toBe(0);
  expect(stderr).toMatch(says);
});

it('refuses a disk that is too small, with the numbers, before anything is written', async (context) => {
  const small = mkdtempSync(join(tmpdir(), 'stillhouse-small-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', small]).status === 0;
  try {
    if (!mounted) return context.skip('no file system could be mounted');
    const { status, stderr } = await install({}, '--into', small);
    expect(status).toBe(4);
    expect(stderr).toMatch(/takes \d.* MB of disk, 41.9 MB are free at .*: .* MB too few/);
  } finally {
    if (mounted) spawnSync('umount', [small]);
    rmSync(small, { recursive: true });
  }
});
