// `still runtime install` says where an agent looks for what it brought.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openVinoFolderName } from '../../agent/runtime/runtime-folders.ts';
import { openVinoRuntimes } from './openvino-fixture.ts';

const into = mkdtempSync(join(tmpdir(), 'stillhouse-runtimes-'));
afterAll(() => rmSync(into, { recursive: true }));
const command = fileURLToPath(new URL('../../agent/runtime-command.ts', import.meta.url));

async function install(env: Record<string, string>) {
  const from = join(await openVinoRuntimes(), openVinoFolderName(process.arch));
  const args = [command, 'install', 'openvino', '--from', from, '--into', into];
  const { STILL_RUNTIMES: _, ...bare } = process.env;
  return spawnSync(process.execPath, args, { env: { ...bare, ...env }, encoding: 'utf8' });
}

it('names the variable for a folder that is not searched, and only then', async () => {
  const { status, stdout, stderr } = await install({});
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(into) });
  expect(stderr).toContain(`only with STILL_RUNTIMES=${into}`);
  expect((await install({ STILL_RUNTIMES: into })).stderr).not.toContain('STILL_RUNTIMES');
});

it('lets every user read what root installed, for the agent is a service of another user', async () => {
  expect((await install({})).status).toBe(0);
  const mode = statSync(join(into, openVinoFolderName(process.arch))).mode & 0o777;
  expect(mode.toString(8)).toBe('755');
});
