// A pipeline folder without a manifest, published by the command line of a production build.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../../deploy/build/root.ts';
import { Fleet, type RunningServer } from '../e2e/fleet.ts';

const SETUP_MS = 400_000;
const folder = mkdtempSync(join(tmpdir(), 'stillhouse-built-'));
const built = join(folder, 'dist');
const fleet = new Fleet();
let server: RunningServer;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'deploy/build/main.ts'), '--arch', process.arch, '--out', built]);
  server = await fleet.server({ entry: join(built, 'server/main.js') });
}, SETUP_MS);
afterAll(async () => {
  await fleet.end();
  rmSync(folder, { recursive: true, force: true });
});

const publish = (name: string) =>
  promisify(execFile)(
    process.execPath,
    [
      ...[join(built, 'server/cli/main.js'), 'publish', join(root, 'test/fixtures/pipelines/z-image')],
      ...['--name', name, '--version', '1.0.0', '--size', '64x64', '--json'],
    ],
    { cwd: folder, env: { PATH: process.env.PATH, STILL_SERVER: server.url, STILL_KEY: server.key } },
  );

it(
  'paints its golden picture by the agent that was built beside it',
  async () => {
    await publish('tiny');
    expect((await server.call('GET', '/v1/models/tiny/versions/1.0.0')).body).toMatchObject({
      manifest: { pipeline: { _class_name: 'ZImagePipeline' }, variants: [{ name: 'onnxruntime-fp16' }] },
    });
  },
  SETUP_MS,
);

it(
  'says what it lacks where there is none',
  async () => {
    renameSync(join(built, 'agent'), join(built, 'elsewhere'));
    await expect(publish('other')).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining('dist/agent') });
  },
  SETUP_MS,
);
