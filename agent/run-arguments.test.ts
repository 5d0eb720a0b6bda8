import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { pngSize } from '../shared/png-size.ts';
import { encodePng } from './pipeline/png.ts';
import { readArguments } from './run-arguments.ts';

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-arguments-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, bytes: Uint8Array | string) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const png = file('begin.png', encodePng({ width: 40, height: 24, rgb: new Uint8Array(40 * 24 * 3) }));
const huge = encodePng({ width: 40, height: 24, rgb: new Uint8Array(40 * 24 * 3) });
new DataView(huge.buffer, huge.byteOffset).setUint32(16, 2 ** 31 - 1);
const damaged = file('damaged.png', huge);
const lora = file('style.safetensors', '');

const read = (...options: string[]) => readArguments([folder, 'a fox', '--seed', '5', ...options]);

describe('what still run is asked for', () => {
  it('is one picture, and the model’s own settings where nothing is said', async () => {
    expect(await read()).toEqual({
      ...{ folder, request: { prompt: 'a fox', seed: 5 }, isSeries: false, adapters: [], inTurn: false, json: false },
      runs: [[{ file: 'picture.png', seed: 5 }]],
    });
  });

  it('is help before anything else', async () => {
    expect(await readArguments(['--help', '--steps', 'many'])).toBeNull();
  });

  it('is a series in runs of a batch, the last one shorter', async () => {
    const asked = await read('--count', '5', '--batch', '2', '-o', join(folder, 'fox.png'));
    expect(asked?.runs.map((run) => run.map(({ seed }) => seed))).toEqual([[5, 6], [7, 8], [9]]);
    expect(asked?.runs[2]).toEqual([{ file: join(folder, 'fox-5.png'), seed: 9 }]);
    expect(asked?.isSeries).toBe(true);
    const photos = await read('--count', '2', '-o', join(folder, 'fox.jpg'));
    expect(photos?.runs.flat().map(({ file: each }) => each)).toEqual([
      join(folder, 'fox-1.jpg'),
      join(folder, 'fox-2.jpg'),
    ]);
  });

  it('is computed as was asked', async () => {
    expect((await read('--inference-precision', 'bf16'))?.inferencePrecision).toBe('bf16');
    await expect(read('--inference-precision', 'fp16')).rejects.toThrow('expected one of f32, f16, bf16');
  });

  it('is as many pictures as a batch holds, where no count is said', async () => {
    expect((await read('--batch', '3'))?.runs.map((run) => run.length)).toEqual([3]);
  });

  it('takes the size of the picture that it begins from, unless another is said', async () => {
    expect((await read('--image', png))?.request).toMatchObject({ width: 40, height: 24 });
    const { request } = (await read('--image', png, '--mask', png, '--size', '64x32')) ?? {};
    expect(request).toMatchObject({ width: 64, height: 32 });
    for (const scaled of [request?.image, request?.mask])
      expect(pngSize(scaled as Uint8Array)).toEqual({ width: 64, height: 32 });
  });

  it('takes adapters with and without a scale', async () => {
    expect((await read('--lora', lora, '--lora', `${lora}:-0.5`))?.adapters).toEqual([
      { path: lora, scale: 1 },
      { path: lora, scale: -0.5 },
    ]);
  });

  it.each([
    [['--steps', '-3'], '--steps -3: expected a whole number from 1 to '],
    [['--seed', '4294967296'], '--seed 4294967296: expected a whole number from 0 to 4294967295'],
    [['--guidance', 'much'], '--guidance much: expected a number from 0 to 100'],
    [['--size', '64'], '--size 64: expected WxH such as 64x64'],
    [['--size', '99999x64'], '--size 99999x64: up to '],
    [['--count', '0'], '--count 0: expected a whole number from 1 to '],
    [['--image', lora], 'style.safetensors: this cannot be read as a JPEG, PNG or WebP: '],
    [['--mask', '/nowhere.png'], '--mask /nowhere.png: there is no such file'],
    [['--image', folder], 'this is a folder; name a file in it'],
    [['--image', damaged], 'damaged.png: it is 2147483647x24; up to 4096 pixels a side are read'],
    [['--image', damaged, '--size', '64x64'], 'damaged.png: this cannot be read as a JPEG, PNG or WebP: '],
    [['--image', png, '--strength', '-0.5'], '--strength -0.5: expected a number from 0 to 1'],
    [['--lora', folder], 'this is a folder; name a file in it'],
    [['--lora', `${lora}:1.2.3`], '1.2.3 is no number'],
    [['--out', '/nowhere/fox.png'], '--out /nowhere/fox.png: there is no folder /nowhere'],
    [['--out', folder], 'this is a folder; name a file in it'],
    [['--out', join(folder, 'fox.gif')], 'fox.gif: pictures are not written as .gif; name a .png, .jpg or .webp'],
    [['--previews', lora], 'style.safetensors: this is a file; name a folder'],
    [['--colour', 'red'], `Unknown option '--colour'; "still run --help" lists the options`],
    [['and more'], 'expected a folder and a prompt in quotes'],
  ])('refuses %j and names what is wrong', async (options, message) => {
    await expect(read(...options)).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(read(...options)).rejects.toThrow(message);
  });

  it('refuses a folder that is not there', async () => {
    await expect(readArguments(['/nowhere', 'a fox'])).rejects.toThrow('there is no folder /nowhere');
  });
});
