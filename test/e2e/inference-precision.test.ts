// One folder, several ways to compute it: published once, and each device takes what its processor is faster with.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readProcessor } from '../../agent/measure/cpu-features.ts';
import { inferencePrecisionsOf } from '../../shared/inference-precision.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { Fleet, type RunningServer } from './fleet.ts';

const packed = fileURLToPath(new URL('../fixtures/pipelines-openvino/sd', import.meta.url));
const fleet = new Fleet();
const folder = join(fleet.folder, 'sd');
const own = { 16: '', 32: '' };
let server: RunningServer;
let runtimes = '';
/** Of 16 bits, where this processor has one. */
let faster: string | undefined;

const still = (...args: string[]) => server.still(args, { STILL_RUNTIMES: runtimes });

async function json<T>(...args: string[]): Promise<T> {
  const ran = await still(...args, '--json');
  expect({ args, ...ran }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout) as T;
}

/** With its graphs unpacked. */
function unpack(): void {
  cpSync(packed, folder, { recursive: true });
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.gz'),
  )) {
    const file = join(folder, path);
    writeFileSync(file.replace(/\.gz$/, ''), gunzipSync(readFileSync(file)));
    rmSync(file);
  }
}

beforeAll(async () => {
  unpack();
  runtimes = await openVinoRuntimes();
  [, faster] = inferencePrecisionsOf('openvino', await readProcessor());
  server = await fleet.server();
  const { token } = await json<{ token: string }>('token', 'create', '--expires', '1h');
  await fleet.agent(server, 'shelf', { token, args: ['--runtimes', runtimes] });
}, 600_000);
afterAll(() => fleet.end());

const asked = ['a red fox', '--seed', '7', '--steps', '3', '--guidance', '3'];

it('a picture in 16 bits is nearly the one in f32, or refused where the processor has none of them', async () => {
  for (const bits of [32, 16] as const) own[bits] = join(fleet.folder, `own-${bits}.png`);
  const inF32 = await json('run', folder, ...asked, '-o', own[32]);
  expect(inF32).toMatchObject({ variant: 'openvino-fp16', inferencePrecision: 'f32' });
  const precision = faster ?? 'bf16';
  const wanted = ['run', folder, ...asked, '--inference-precision', precision, '-o', own[16]];
  if (!faster) {
    expect(await still(...wanted)).toMatchObject({ code: 4, stderr: expect.stringContaining('openvino-fp16-bf16') });
    return;
  }
  expect(await json(...wanted)).toMatchObject({ variant: `openvino-fp16-${faster}`, inferencePrecision: faster });
  const difference = pictureDifference(readFileSync(own[16]), readFileSync(own[32]));
  const levels = difference.kind === 'compared' ? difference.meanAbsoluteDifference : 255;
  expect(levels).toBeGreaterThan(0);
  expect(levels).toBeLessThan(1);
});

it('is published as variants of the same files and one golden picture', async () => {
  const named = ['--name', 'tiny', '--version', '1.0.0', '--inference-precision', 'f32,bf16,f16'];
  await json('publish', folder, ...named);
  const { body } = await server.call('GET', '/v1/models/tiny/versions/1.0.0');
  const { variants, artifacts } = (body as { manifest: Manifest }).manifest;
  expect(variants.map(({ name }) => name)).toEqual(['openvino-fp16', 'openvino-fp16-f16', 'openvino-fp16-bf16']);
  expect(variants.map(({ inferencePrecision }) => inferencePrecision)).toEqual([undefined, 'f16', 'bf16']);
  for (const variant of variants)
    expect(variant).toMatchObject({ artifacts: variants[0]?.artifacts, golden: variants[0]?.golden });
  // f32's figures stand for what this processor does not compute in, and say so.
  for (const { inferencePrecision, measured } of variants)
    expect(measured.inferencePrecision).toBe([undefined, faster].includes(inferencePrecision) ? undefined : 'f32');
  expect(artifacts.filter(({ path }) => path.endsWith('.png'))).toHaveLength(1);
  expect(await json('publish', folder, ...named)).toMatchObject({ uploadedBytes: 0 });
});

it('is not published where it strays, with the number', async () => {
  // So much guidance multiplies what 16 bits round by as much.
  const named = ['--name', 'far', '--version', '1.0.0', '--guidance', '100', '--inference-precision', 'bf16'];
  const ran = await still('publish', folder, ...named);
  if (faster === 'bf16')
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(/is [3-9]\.\d+ of 255 levels .* allowed 2/) });
  // Where nothing can be compared, each device finds out by its golden picture.
  else expect(ran.code).toBe(0);
});

it('comes out of a device that takes the fastest, to the byte as out of the folder', async () => {
  expect(await json('rollout', 'start', 'tiny@1.0.0', '--to', 'all', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
  const file = join(fleet.folder, 'device.png');
  const variant = faster ? `openvino-fp16-${faster}` : 'openvino-fp16';
  await json('picture', 'shelf', ...asked, '--variant', variant, '-o', file);
  expect(readFileSync(file).equals(readFileSync(own[faster ? 16 : 32]))).toBe(true);
});

it('is refused where it cannot be, with the reason', async () => {
  const other = process.arch === 'arm64' ? 'bf16' : 'f16';
  const start = ['rollout', 'start', 'tiny@1.0.0', '--to', 'all', '--variant', `openvino-fp16-${other}`];
  const started = await still(...start, '--wait');
  expect(started.code).not.toBe(0);
  const refusal = `${started.stdout}${started.stderr}`;
  expect(refusal).toContain(`openvino-fp16-${other} is made for`);
  expect(refusal).toContain('what fits is openvino-fp16');
  const here = await still('run', folder, 'a fox', '--inference-precision', other);
  expect(here).toMatchObject({ code: 4, stderr: expect.stringContaining('; --inference-precision f32 runs here') });
  const over = await still(
    'publish',
    fileURLToPath(new URL('../fixtures/pipelines/sd', import.meta.url)),
    ...[...['--name', 'over', '--version', '1.0.0', '--inference-precision', 'f32,bf16']],
  );
  expect(over).toMatchObject({ code: 2, stderr: expect.stringContaining('ONNX Runtime computes in f32') });
  const twice = await still('run', folder, 'a fox', '--inference-precision', 'half');
  expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining('expected one of f32, f16, bf16') });
});
