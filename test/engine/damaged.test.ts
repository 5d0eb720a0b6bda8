// Damaged versions: every fault of a load names the file, so that the artifact can be found.
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { EngineSpec } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import { clockOf, damagedCopy, overwrite } from './fixture.ts';

let copy: EngineSpec | null = null;
afterEach(() => {
  if (copy) rmSync(copy.folder, { recursive: true });
  copy = null;
});

async function load({ folder, variant }: EngineSpec) {
  const { steps, guidanceScale, resolution } = variant;
  const defaults = { steps, guidanceScale, width: resolution.width, height: resolution.height };
  const runtime = await openRuntime('onnxruntime');
  return loadPipeline({ folder: join(folder, variant.folder), runtime, threads: 1, defaults });
}

it.each([
  ['unet/model.onnx', 'is cut short', (path: string) => truncateSync(path, 1000), /./],
  ['unet/model.onnx', 'holds other bytes', (path: string) => writeFileSync(path, 'GIF89a'), /./],
  ['unet/model.onnx', 'is empty', (path: string) => truncateSync(path, 0), /./],
  [
    'unet/model.onnx',
    'has an operator that nobody knows',
    (path: string) => overwrite(path, '\x22\x04Conv', '\x22\x04Konv'),
    /Konv/,
  ],
  ['unet/model.onnx', 'has another output', renameOutput, /has no output "out_sample", only out_simple/],
  ['text_encoder/model.onnx', 'is missing', (path: string) => rmSync(path), /./],
  ['tokenizer/tokenizer.json', 'is no JSON', (path: string) => writeFileSync(path, '{'), /JSON/],
  ['tokenizer/tokenizer.json', 'is another JSON', (path: string) => writeFileSync(path, '{}'), /no tokenizer/],
  ['tokenizer/tokenizer_config.json', 'has no length', (path: string) => writeFileSync(path, '{}'), /model_max_length/],
  [
    'scheduler/scheduler_config.json',
    'names another class',
    (path: string) => overwrite(path, 'FlowMatch', 'FlowPatch'),
    /known:/,
  ],
  ['unet/config.json', 'has no size', (path: string) => writeFileSync(path, '{}'), /sample_size/],
  [
    'model_index.json',
    'names another pipeline',
    (path: string) => overwrite(path, 'Stillhouse', 'Warehouses'),
    /known: StillhousePipeline/,
  ],
  [
    'model_index.json',
    'names a property of objects',
    (path: string) => writeFileSync(path, '{"_class_name":"toString"}'),
    /known:/,
  ],
])('%s %s', async (file, _, damage, why) => {
  copy = damagedCopy(file, damage);
  const failed = await load(copy).catch((fault) => fault);
  expect(failed).toMatchObject({ code: 'load_failed' });
  expect(failed.message).toContain(file);
  expect(failed.message).toMatch(why);
});

it.each([
  [
    'unet/config.json',
    '"sample_size": 32',
    '"sample_size": 48',
    /unet\/model.onnx: "sample" is float32 \[batch, 3, 32, 32\], expected float32 \[1, 3, 48, 48\]/,
  ],
  [
    'tokenizer/tokenizer_config.json',
    '24',
    '23',
    /text_encoder\/model.onnx: "input_ids" is int64 \[batch, 24\], expected int64 \[1, 23\]/,
  ],
])('%s does not fit its graph: %s became %s', async (file, from, to, why) => {
  copy = damagedCopy(file, (path) => overwrite(path, from, to));
  await expect(load(copy)).rejects.toMatchObject({ code: 'load_failed', message: expect.stringMatching(why) });
});

it('refuses a variant whose own size its graph cannot make', async () => {
  copy = damagedCopy('model_index.json', () => {});
  const variant = { ...copy.variant, resolution: { width: 512, height: 512 } };
  await expect(load({ ...copy, variant })).rejects.toMatchObject({
    code: 'size_not_supported',
    message: expect.stringMatching(/^size: 512x512 is not possible; this model makes \d+x\d+ only$/),
  });
});

/** The name stands in the node that makes it and in the list of outputs. */
function renameOutput(path: string): void {
  overwrite(path, 'out_sample', 'out_simple');
  overwrite(path, 'out_sample', 'out_simple');
}

it('tells the agent of the fault and leaves no process behind', async () => {
  copy = damagedCopy('unet/model.onnx', (path) => truncateSync(path, 1000));
  const lines: string[] = [];
  const launcher = createEngineLauncher({ clock: clockOf(), log: (line) => lines.push(line) });
  await expect(launcher.launch(copy)).rejects.toMatchObject({
    code: 'load_failed',
    message: expect.stringContaining('unet/model.onnx'),
  });
});
