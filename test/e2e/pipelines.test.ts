// A folder without a manifest on its way: tried on this machine, published, rolled out, and the device paints the same bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { encodePng } from '../../agent/pipeline/png.ts';
import { adapterFile } from '../engine/random-model.ts';
import { Fleet, type RunningServer } from './fleet.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixtures = join(root, 'test/fixtures/pipelines');
const fleet = new Fleet();
let server: RunningServer;

const still = (...args: string[]) => server.still(args);

async function json<T>(...args: string[]): Promise<T> {
  const ran = await still(...args, '--json');
  expect({ args, ...ran }).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout) as T;
}

beforeAll(async () => {
  server = await fleet.server();
  const { token } = await json<{ token: string }>('token', 'create', '--expires', '1h');
  await fleet.agent(server, 'pi-kitchen', { token });
});
afterAll(() => fleet.end());

const kinds = [
  ['sd', 'StableDiffusionPipeline', 'dpm++-karras'],
  ['flux-dev', 'FluxPipeline', 'flow-euler'],
  ['z-image', 'ZImagePipeline', 'flow-euler'],
] as const;

describe.each(kinds)('%s', (kind, pipeline, scheduler) => {
  const folder = join(fixtures, kind);
  const settings = ['--seed', '42', '--steps', '3', '--guidance', '4.5', '--size', '48x64', '--scheduler', scheduler];

  it('is published by a name alone, and again without a change', async () => {
    const named = ['--name', `tiny-${kind}`, '--version', '1.0.0', '--size', '64x64'];
    const first = await json<{ versionDigest: string }>('publish', folder, ...named);
    const again = await json<{ versionDigest: string; uploadedBytes: number }>('publish', folder, ...named);
    expect(again).toMatchObject({ versionDigest: first.versionDigest, uploadedBytes: 0 });
    const { body } = await server.call('GET', `/v1/models/tiny-${kind}/versions/1.0.0`);
    expect(body).toMatchObject({
      licence: 'NOASSERTION',
      manifest: { pipeline: { _class_name: pipeline }, variants: [{ name: 'onnxruntime-fp16' }] },
    });
  });

  it('comes out of the device as it does out of the folder, to the last byte', async () => {
    const ref = `tiny-${kind}@1.0.0`;
    expect(await json('rollout', 'start', ref, '--to', 'all', '--wait')).toMatchObject({ state: 'SUCCEEDED' });
    const own = join(fleet.folder, `${kind}-own.png`);
    const theirs = join(fleet.folder, `${kind}-device.png`);
    await json('run', folder, 'a red fox', ...settings, '-o', own);
    const model = ['--model', ref, '--variant', 'onnxruntime-fp16'];
    await json('picture', 'pi-kitchen', 'a red fox', ...settings, ...model, '-o', theirs);
    expect(readFileSync(theirs).equals(readFileSync(own))).toBe(true);
    // The scheduler went all the way: the folder's own paints another picture.
    await json('run', folder, 'a red fox', ...settings.slice(0, -2), '-o', join(fleet.folder, 'other.png'));
    if (kind === 'sd') expect(readFileSync(join(fleet.folder, 'other.png')).equals(readFileSync(own))).toBe(false);
  });
});

it('a LoRA makes a version of its own, of the same files and one more, merged by the device as by still run', async () => {
  const [folder, lora] = [join(fixtures, 'sd'), join(fleet.folder, 'style.safetensors')];
  const module = 'unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_v';
  writeFileSync(lora, adapterFile([{ module, down: [4, 16], up: [16, 4] }]));
  const style = ['--lora', `${lora}:300`];
  const named = ['--name', 'tiny-style', '--version', '1.0.0', '--size', '64x64', ...style];
  const published = await json<{ uploadedBytes: number }>('publish', folder, ...named);
  const golden = readFileSync(lora).length + 20_000;
  expect(published.uploadedBytes).toBeLessThan(golden);
  const shown = (await still('models', 'show', 'tiny-style@1.0.0')).stdout;
  expect(shown).toContain('onnxruntime-fp16 merges the LoRA adapters/0.safetensors into unet, scale 300.');
  expect(shown).toMatch(/measured by the publisher on \w+, \d+ cores?; the first picture of an engine, in 4 steps/);
  const start = ['rollout', 'start', 'tiny-style@1.0.0', '--to', 'all', '--wait'];
  expect(await json(...start)).toMatchObject({ state: 'SUCCEEDED' });
  const settings = ['--seed', '42', '--steps', '3', '--size', '64x64'];
  const [own, plain, theirs] = ['own', 'plain', 'theirs'].map((name) => join(fleet.folder, `lora-${name}.png`));
  type Ran = { sha256: string; adapters?: object[] };
  const ran = await json<Ran>('run', folder, 'a red fox', ...settings, ...style, '-o', own as string);
  expect(ran.adapters).toEqual([{ path: lora, scale: 300, components: ['unet'] }]);
  const without = await json<Ran>('run', folder, 'a red fox', ...settings, '-o', plain as string);
  const asked = ['picture', 'pi-kitchen', 'a red fox', '--model', 'tiny-style@1.0.0', ...settings];
  const made = await json<Ran>(...asked, '-o', theirs as string);
  expect(made.sha256).toBe(ran.sha256);
  expect(made.sha256).not.toBe(without.sha256);
  expect(await still('publish', folder, ...named.slice(0, -1), `${lora}.none`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no such file'),
  });
});

describe('settings', () => {
  const ref = 'tiny-sd@1.0.0';
  const fitted = (target: string, ...more: string[]) =>
    ['picture', 'pi-kitchen', 'a red fox', '--model', ref, '--fit', target, ...more, '-o', 'fit.png'] as const;

  it('that meet a target are those that were measured there: a size once a bench has run it', async () => {
    type Row = { model: string; pictures: { count: number; seenMsP50: number; onDeviceMsP50: number } | null };
    type Made = { width: number; height: number; steps: number; fit: { measurements: number; target: object } };
    const before = await json<Made>(...fitted('latency=10m'));
    expect(before).toMatchObject({ width: 64, height: 64, fit: { target: { latencyMs: 600_000 } } });
    type Run = { settings: object; result: { resolution: object; steps: number; quality: null } };
    const bench = await json<Run>('bench', 'pi-kitchen', ref, '--size', '80x64', '--steps', '2', '--wait');
    const { result } = bench;
    expect(result).toMatchObject({ resolution: { width: 80, height: 64 }, steps: 2, quality: null });
    expect(await json<Made>(...fitted('latency=10m'))).toMatchObject({ width: 80, height: 64, steps: before.steps });
    expect(await json<Made>(...fitted('memory=4GB', '--steps', '2'))).toMatchObject({ width: 80, steps: 2 });
    // Gates and the table compare what the version usually does.
    const rows = await json<Row[]>('table');
    const [row, ...others] = rows.filter(({ model }) => model === 'tiny-sd');
    expect(others).toEqual([]);
    // The one picture of the usual size and steps; what the server saw is never shorter than what the device took.
    expect(row?.pictures?.count).toBe(1);
    expect(row?.pictures?.seenMsP50).toBeGreaterThanOrEqual(row?.pictures?.onDeviceMsP50 ?? Infinity);
    const again = ['bench', 'pi-kitchen', ref, '--fit', 'latency=10m', '--size', '64x64', '--wait'];
    expect(await json<Run>(...again)).toMatchObject({ settings: { width: 64, height: 64, steps: before.steps } });
  });

  it('that meet a target are refused with the numbers where nothing does', async () => {
    const tooQuick = await still(...fitted('latency=1ms', '--fit', 'memory=1MB'));
    expect(tooQuick).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/takes [\d.]+ MB at its peak, [\d.]+ MB too much and takes .* m?s with/),
    });
    const unseen = await still(...fitted('latency=1h', '--size', '512x512'));
    expect(unseen).toMatchObject({ code: 4, stderr: expect.stringContaining('512x512 was measured there yet') });
    expect(await still(...fitted('speed=9'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('latency=500ms'),
    });
  });

  it('are not waited for in vain: what the time is not enough for is refused, and nobody works at it', async () => {
    const startedAt = performance.now();
    const huge = ['--model', ref, '--size', '4096x4096', '--steps', '200', '--timeout', '30s', '-o', 'huge.png'];
    expect(await still('picture', 'pi-kitchen', 'a red fox', ...huge)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(
        /4096x4096 in 200 steps would take .* there, .* and has 30 s: the quickest of \d+x64/,
      ),
    });
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});

it('several pictures at once are those of seeds one after the other', async () => {
  type Told = { file: string; seed: number; sha256: string };
  const asked = ['picture', 'pi-kitchen', 'a red fox', '--model', 'tiny-sd', '--steps', '2', '--size', '48x64'];
  const out = ['-o', join(fleet.folder, 'many.png')];
  const { pictures } = await json<{ pictures: Told[] }>(...asked, '--seed', '4294967295', '--count', '3', ...out);
  expect(pictures.map(({ seed }) => seed)).toEqual([4294967295, 0, 1]);
  expect(pictures.map(({ file }) => file.slice(-10))).toEqual(['many-1.png', 'many-2.png', 'many-3.png']);
  const alone = await json<Told>(...asked, '--seed', '0', '-o', join(fleet.folder, 'alone.png'));
  expect(pictures[1]?.sha256).toBe(alone.sha256);
  const settings = ['--steps', '2', '--size', '48x64', '--seed', '4294967295', '--count', '2'];
  const here = ['run', join(fixtures, 'sd'), 'a red fox', ...settings, '-o', join(fleet.folder, 'here.png')];
  const own = await json<{ pictures: Told[] }>(...here);
  expect(own.pictures.map(({ sha256 }) => sha256)).toEqual(pictures.slice(0, 2).map(({ sha256 }) => sha256));
  expect(new Set(pictures.map(({ sha256 }) => sha256)).size).toBe(3);
  const inRuns = await json<{ pictures: (Told & { batch?: number })[] }>(...here, '--count', '3', '--batch', '2');
  expect(inRuns.pictures.map(({ seed, batch }) => [seed, batch])).toEqual([
    [4294967295, 2],
    [0, 2],
    [1, undefined],
  ]);
  expect(inRuns.pictures.map(({ file }) => file.slice(-10))).toEqual(['here-1.png', 'here-2.png', 'here-3.png']);
  expect(inRuns.pictures[2]?.sha256).toBe(pictures[2]?.sha256);
  expect(await still(...here, '--batch', '33')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--batch 33'),
  });
  expect(await still(...asked, '--count', '33', ...out)).toMatchObject({ code: 2 });
});

test('an empty prompt is painted, by the device as from the folder', async () => {
  const settings = ['--steps', '1', '--size', '48x64', '--seed', '1', '-o', join(fleet.folder, 'empty.png')];
  const there = await json<{ sha256: string }>('picture', 'pi-kitchen', '', '--model', 'tiny-sd', ...settings);
  expect(await json('run', join(fixtures, 'sd'), '', ...settings)).toMatchObject({ sha256: there.sha256 });
});

test('what a prompt says in vain is told, from the device as from the folder', async () => {
  const prompt = `a (fox:1.3) ${'fox '.repeat(75)}teal`;
  const settings = ['--steps', '1', '--guidance', '1', '--size', '48x64', '--seed', '1'];
  const here = ['run', join(fixtures, 'flux-dev'), prompt, ...settings, '-o', join(fleet.folder, 'cut-here.png')];
  const there = ['picture', 'pi-kitchen', prompt, ...settings, '--model', 'tiny-flux-dev', '-o'];
  const told = {
    promptCuts: [{ of: 'prompt', encoder: 'text_encoder', mostTokens: 77, unread: expect.stringMatching(/teal$/) }],
    literalWeights: ['(fox:1.3)'],
  };
  expect(await json(...here)).toMatchObject(told);
  expect(await json(...there, join(fleet.folder, 'cut-there.png'))).toMatchObject(told);
  const lines = [
    /^text_encoder reads 77 tokens, the prompt has \d+; left out: “.*teal”\.$/m,
    /^Weights in brackets are read as they stand, not as weights: \(fox:1\.3\)\.$/m,
  ];
  for (const args of [here, [...there, join(fleet.folder, 'cut-text.png')]]) {
    const { stdout } = await still(...args);
    for (const line of lines) expect(stdout).toMatch(line);
  }
  expect((await still(...there.with(2, 'a red fox'), join(fleet.folder, 'plain.png'))).stdout).not.toMatch(
    /left out|Weights/,
  );
});

test('a negative prompt that is not read for want of guidance is told, from the device as from the folder', async () => {
  const args = (guidance: string) => ['--negative', 'green', '--guidance', guidance, '--steps', '1', '--size', '48x64'];
  const out = ['-o', join(fleet.folder, 'unread.png')];
  const notice = /^The negative prompt is not read: that takes a guidance over (\d) \(--guidance\)\.$/m;
  const upTo = async (kind: string, guidance: string) =>
    (await still('run', join(fixtures, kind), 'a fox', ...args(guidance), ...out)).stdout.match(notice)?.[1];
  expect([await upTo('sd', '1'), await upTo('sd', '1.5')]).toEqual(['1', undefined]);
  expect([await upTo('z-image', '0'), await upTo('z-image', '1')]).toEqual(['0', undefined]);
  const there = ['picture', 'pi-kitchen', 'a fox', '--model', 'tiny-sd', ...args('1'), ...out];
  expect(await json(...there)).toMatchObject({ negativeUnreadUpTo: 1 });
  expect((await still(...there)).stdout).toMatch(notice);
});

describe('from a picture', () => {
  const settings = ['--seed', '42', '--steps', '4', '--guidance', '2', '--scheduler', 'euler'];
  let first = '';
  const mask = () => join(fleet.folder, 'mask.png');
  beforeAll(async () => {
    first = join(fleet.folder, 'first.png');
    const rgb = Uint8Array.from({ length: 48 * 64 * 3 }, (_, i) => ((i / 3) % 48 < 20 ? 255 : 0));
    writeFileSync(mask(), encodePng({ width: 48, height: 64, rgb }));
    await json(
      'run',
      join(fixtures, 'sd'),
      'a blue boat',
      '--seed',
      '7',
      '--steps',
      '2',
      '--size',
      '48x64',
      '-o',
      first,
    );
  });

  it('comes out of the device as it does out of the folder, and hangs on image and strength', async () => {
    const own = async (...more: string[]) => {
      const file = join(fleet.folder, `from-${more.join('-').replaceAll('/', '_')}.png`);
      await json('run', join(fixtures, 'sd'), 'a red fox', ...settings, ...more, '-o', file);
      return readFileSync(file);
    };
    const file = join(fleet.folder, 'from-device.png');
    const from = ['--image', first, '--strength', '0.5'];
    const told = await json(
      'picture',
      'pi-kitchen',
      'a red fox',
      ...settings,
      ...from,
      '--model',
      'tiny-sd',
      '-o',
      file,
    );
    expect(told).toMatchObject({ width: 48, height: 64 });
    expect(readFileSync(file).equals(await own(...from))).toBe(true);
    expect((await own(...from)).equals(await own('--image', first, '--strength', '1'))).toBe(false);
    expect((await own(...from)).equals(await own('--size', '48x64'))).toBe(false);
  });

  it('is a photograph, scaled to the size asked for, on the device as out of the folder', async () => {
    const photo = join(fleet.folder, 'photo.jpg');
    await sharp(readFileSync(first)).resize(300, 200).jpeg().toFile(photo);
    const asked = ['a red fox', ...settings, '--image', photo, '--size', '64x48'];
    const [own = '', device = ''] = ['own', 'device'].map((name) => join(fleet.folder, `photo-${name}.png`));
    await json('run', join(fixtures, 'sd'), ...asked, '-o', own);
    const told = await json('picture', 'pi-kitchen', ...asked, '--model', 'tiny-sd', '-o', device);
    expect(told).toMatchObject({ width: 64, height: 48 });
    expect(readFileSync(device).equals(readFileSync(own))).toBe(true);
    const saved = ['own.jpg', 'device.jpg'].map((name) => join(fleet.folder, name));
    await json('run', join(fixtures, 'sd'), ...asked, '-o', saved[0] as string);
    await json('picture', 'pi-kitchen', ...asked, '--model', 'tiny-sd', '-o', saved[1] as string);
    for (const file of saved)
      expect(await sharp(file).metadata()).toMatchObject({ format: 'jpeg', width: 64, height: 48 });
  });

  it('is painted anew where the mask says so, on the device as out of the folder', async () => {
    const asked = ['a red fox', ...settings, '--image', first];
    const files = ['own', 'device', 'unmasked'].map((name) => join(fleet.folder, `filled-${name}.png`));
    const [own = '', device = '', unmasked = ''] = files;
    await json('run', join(fixtures, 'sd'), ...asked, '--mask', mask(), '-o', own);
    await json('picture', 'pi-kitchen', ...asked, '--mask', mask(), '--model', 'tiny-sd', '-o', device);
    await json('run', join(fixtures, 'sd'), ...asked, '--strength', '1', '-o', unmasked);
    expect(readFileSync(device).equals(readFileSync(own))).toBe(true);
    expect(readFileSync(own).equals(readFileSync(unmasked))).toBe(false);
  });

  it.each([
    ['sd', ['--mask', 'mask.png'], 'mask: it needs an image'],
    ['sd', ['--image', 'first.png', '--mask', 'small.png'], 'mask: it is 8x8, and the image 48x64'],
    ['lcm', ['--image', 'first.png', '--mask', 'mask.png'], 'mask: this pipeline fills none'],
    ['lcm', ['--image', 'first.png', '--strength', '0.02'], 'strength 0.02 leaves 1 of 50 steps of training'],
    ['lcm', ['--image', 'first.png', '--scheduler', 'euler'], 'with its own scheduler only'],
  ])('%s refuses %j', async (kind, more, why) => {
    writeFileSync(join(fleet.folder, 'small.png'), encodePng({ width: 8, height: 8, rgb: new Uint8Array(192) }));
    const given = more.map((each) => (each.endsWith('.png') ? join(fleet.folder, each) : each));
    const ran = await still('run', join(fixtures, kind), 'a fox', '--steps', '4', ...given, '-o', 'x.png');
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining(why) });
  });

  it.each([
    [['--image', 'no-such.png'], 2, 'there is no such file'],
    [['--strength', '0.5'], 4, 'strength: it needs an image'],
    [['--image', 'first.png', '--strength', '0.1'], 4, '0.1 of 4 steps leaves none to take'],
  ])('refuses %j', async (more, code, why) => {
    const ran = await still('run', join(fixtures, 'sd'), 'a fox', ...settings, ...more, '-o', 'x.png');
    expect(ran).toMatchObject({ code, stderr: expect.stringContaining(why) });
  });

  it('refuses a folder that cannot read pictures', async () => {
    const asked = ['a fox', '--image', 'first.png', '-o', 'x.png', '--json'];
    const ran = await still('run', join(fixtures, 'flux-dev'), ...asked);
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('no vae_encoder') });
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'invalid_request' } });
  });
});

describe('under a LoRA', () => {
  const asked = ['a red fox', '--seed', '42', '--steps', '2'];
  const lora = join(fixtures, 'sd/lora-kohya.safetensors');
  const paint = (kind: string, ...more: string[]) =>
    still('run', join(fixtures, kind), ...asked, ...more, '-o', join(fleet.folder, 'lora.png'), '--json');

  it('is another picture, as much as is asked for', async () => {
    const ran = [];
    for (const more of [[], ['--lora', `${lora}:0`], ['--lora', lora], ['--lora', lora, '--in-turn']])
      ran.push(await paint('sd', ...more));
    const [plain, none, all, inTurn] = ran.map(({ stdout }) => (JSON.parse(stdout) as { sha256: string }).sha256);
    expect(none).toBe(plain);
    expect(all).not.toBe(plain);
    expect(inTurn).toBe(all);
  });

  it.each([
    ['sd', 'no-such.safetensors', 2, 'there is no such file'],
    ['sd', join(fixtures, 'sd/model_index.json'), 1, 'no safetensors file'],
    ['lcm', lora, 1, 'weights that the LoRA changes are not exposed by these graphs'],
  ])('%s refuses %s', async (kind, file, code, why) => {
    expect(await paint(kind, '--lora', file)).toMatchObject({ code, stderr: expect.stringContaining(why) });
  });
});

it('still run says that it was canceled, also where one Ctrl-C comes twice', async () => {
  const previews = join(fleet.folder, 'canceled');
  const settings = [
    '--steps',
    '200',
    '--size',
    '256x256',
    '--previews',
    previews,
    '-o',
    join(fleet.folder, 'none.png'),
  ];
  const command = [join(root, 'agent/run-command.ts'), join(fixtures, 'sd'), 'a fox', ...settings, '--json'];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const ended = once(child, 'exit');
  const began = () => existsSync(previews) && readdirSync(previews).length > 0;
  while (child.exitCode === null && !began()) await sleep(20);
  child.kill('SIGINT');
  await sleep(20);
  child.kill('SIGINT');
  expect(await ended).toEqual([1, null]);
  expect(JSON.parse(await stdout)).toMatchObject({ error: { code: 'canceled' } });
  expect(await stderr).toContain('still run: canceled');
});

it('still run tells what it has saved of a series that ends early', async () => {
  const folder = join(fleet.folder, 'cut');
  // The second cannot be saved: a folder has its name.
  mkdirSync(join(folder, 'fox-2.png'), { recursive: true });
  const asked = [
    'run',
    join(fixtures, 'sd'),
    'a fox',
    '--steps',
    '1',
    '--seed',
    '1',
    '--count',
    '2',
    '-o',
    join(folder, 'fox.png'),
  ];
  const saved = join(folder, 'fox-1.png');
  expect(await still(...asked)).toMatchObject({ code: 1, stdout: expect.stringContaining(`Saved ${saved}`) });
  const { code, stdout } = await still(...asked, '--json');
  expect({ code, printed: JSON.parse(stdout) }).toMatchObject({
    code: 1,
    printed: { pictures: [{ file: saved, seed: 1 }], error: { message: expect.stringContaining('fox-2.png') } },
  });
});

describe('is refused with a reason', () => {
  it('a variant that the device does not run', async () => {
    const ran = await still('picture', 'pi-kitchen', 'a fox', '--variant', 'openvino-fp16', '-o', 'x.png');
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('openvino-fp16') });
  });

  it('a scheduler that cannot sample the model', async () => {
    const ran = await still('run', join(fixtures, 'flux-dev'), 'a fox', '--scheduler', 'ddim', '-o', 'x.png');
    expect(ran).toMatchObject({ code: 4, stderr: expect.stringContaining('trained by flow matching') });
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    ['cut short', (folder) => truncateSync(join(folder, 'unet/model.onnx'), 20_000), /unet\/model\.onnx: is cut short/],
    ['without a part', (folder) => rmSync(join(folder, 'vae_decoder'), { recursive: true }), /vae_decoder/],
    ['of an unknown class', (folder) => rename(folder, 'NoSuchPipeline'), /NoSuchPipeline/],
  ])('a folder that is %s, before anything is sent', async (name, damage, why) => {
    const folder = join(fleet.folder, 'damaged', name.replaceAll(' ', '-'));
    mkdirSync(join(fleet.folder, 'damaged'), { recursive: true });
    cpSync(join(fixtures, 'sd'), folder, { recursive: true });
    damage(folder);
    const ran = await still('publish', folder, '--name', 'damaged', '--version', '1.0.0');
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(why) });
    expect((await server.call('GET', '/v1/models/damaged/versions/1.0.0')).status).toBe(404);
  });
});

function rename(folder: string, pipeline: string): void {
  writeFileSync(join(folder, 'model_index.json'), JSON.stringify({ _class_name: pipeline }));
}
