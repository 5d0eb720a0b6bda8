// What a folder's settings leave out is as diffusers' classes have it, and what is not done here is refused by its name.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { encodePng } from '../../agent/pipeline/png.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';

type Settings = Record<string, unknown>;

const fixtures = fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const runtime = await openRuntime('onnxruntime', null);
const made = mkdtempSync(join(tmpdir(), 'stillhouse-settings-'));
afterAll(() => rmSync(made, { recursive: true }));
let count = 0;

/** A copy of a fixture with settings changed; an undefined one is left out. */
function folderWith(kind: string, file: string, changed: Settings): string {
  const folder = join(made, `${++count}`);
  cpSync(join(fixtures, kind), folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changed }));
  return folder;
}

const defaults = { steps: 3, guidanceScale: 2, width: 64, height: 64 };
const load = (folder: string) => loadPipeline({ folder, runtime, threads: 1, defaults });

async function paint(folder: string): Promise<Uint8Array | undefined> {
  const request = { ...defaults, prompt: 'a red fox', seed: 7 };
  const { pictures } = await (await load(folder)).generate(request, { reach: async () => {} });
  return pictures[0]?.rgb;
}

const vae = 'vae_decoder/config.json';
const scheduler = 'scheduler/scheduler_config.json';
const dynamic = { use_dynamic_shifting: true, base_shift: undefined };
test.each<[string, string, Settings, Settings]>([
  // The first folders of Stable Diffusion have none.
  ['sd', vae, { scaling_factor: undefined }, { scaling_factor: 0.18215 }],
  // The scheduler's class comes before the pipeline's own 1.16.
  ['sd3', scheduler, { ...dynamic, max_shift: undefined }, { ...dynamic, max_shift: 1.15 }],
  ['sd', scheduler, { steps_offset: 0 }, { steps_offset: 1 }],
])('%s: %s with %j is as with %j', async (kind, file, left, said) => {
  expect(await paint(folderWith(kind, file, left))).toEqual(await paint(folderWith(kind, file, said)));
});

test.each<[string, string, Settings, string]>([
  ['sd', 'tokenizer/tokenizer_config.json', { padding_side: 'left' }, 'padding_side is "left"'],
  ['sdxl', 'tokenizer_2/tokenizer_config.json', { truncation_side: 'left' }, 'truncation_side is "left"'],
  ['sd', 'text_encoder/config.json', { use_attention_mask: true }, 'use_attention_mask is not supported'],
  ['sd', scheduler, { _class_name: 'UniPCMultistepScheduler' }, '_class_name is UniPCMultistepScheduler, and'],
])('%s: %s with %j is refused', async (kind, file, changed, reason) => {
  const folder = folderWith(kind, file, changed);
  await expect(load(folder)).rejects.toMatchObject({ code: 'load_failed', message: expect.stringContaining(reason) });
  await expect(load(folder)).rejects.toThrow(join(folder, file));
});

test('a model with guidance distilled in begins from a picture as its pipeline says, not as latent consistency', async () => {
  const pipeline = await load(folderWith('lcm', 'model_index.json', { _class_name: 'StableDiffusionPipeline' }));
  const image = encodePng({ width: 64, height: 64, rgb: new Uint8Array(64 * 64 * 3) });
  const request = { ...defaults, prompt: 'a red fox', seed: 7, image, scheduler: 'ddim' };
  expect(() => pipeline.check(request)).not.toThrow();
  expect(() => pipeline.check({ ...request, mask: image })).not.toThrow();
  // 0.3 of 3 steps are none, where latent consistency takes all of them over a part of training's.
  expect(() => pipeline.check({ ...request, strength: 0.3 })).toThrow('leaves none to take');
});
