// Pipeline folders whose configurations lie: refused with the file and the setting, and nothing that they name is followed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineFault } from '../../agent/engine/engine.ts';
import { openFolder } from '../../agent/open-folder.ts';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { predictRun } from '../../agent/predict-run.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import type { Runtime, Session } from '../../agent/runtime/runtime.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const DEFAULTS = { steps: 2, guidanceScale: 1, width: 64, height: 64 };

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Change = (folder: string) => void;

async function load(kind: string, change: Change, runtime?: Runtime, defaults = DEFAULTS) {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-hostile-'));
  cpSync(join(FIXTURES, kind), folder, { recursive: true });
  change(folder);
  return loadPipeline({
    folder,
    runtime: runtime ?? (await openRuntime('onnxruntime', null)),
    threads: 1,
    defaults,
  });
}

/** Its U-Net has the input of a model that is told its guidance. */
async function toldOfGuidance(): Promise<Runtime> {
  const runtime = await openRuntime('onnxruntime', null);
  const load: Runtime['load'] = async (path, options) => {
    const session = await runtime.load(path, options);
    if (!path.includes('unet')) return session;
    const more = { name: 'timestep_cond', type: 'float32', dims: [null, 16] } as const;
    return Object.create(session, { inputs: { value: [...session.inputs, more] } });
  };
  return Object.create(runtime, { load: { value: load } });
}

/** What one part of it answers is no number: as one whose weights are damaged, or that computes in too few bits. */
async function withoutNumbers(part: string): Promise<Runtime> {
  const runtime = await openRuntime('onnxruntime', null);
  const load: Runtime['load'] = async (path, options) => {
    const session = await runtime.load(path, options);
    if (!path.includes(part)) return session;
    const run: Session['run'] = async (feeds) => {
      const answer = await session.run(feeds);
      for (const { data } of Object.values(answer)) (data as Float32Array)[5] = Number.NaN;
      return answer;
    };
    return Object.create(session, { run: { value: run } });
  };
  return Object.create(runtime, { load: { value: load } });
}

const set =
  (file: string, settings: Readonly<Record<string, unknown>>): Change =>
  (root) => {
    const path = join(root, file);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...settings }));
  };

const copy =
  (from: string, to: string): Change =>
  (root) =>
    cpSync(join(root, from), join(root, to));

describe('a folder is refused', () => {
  it.each<[string, string, Change, RegExp]>([
    [
      'more channels than the graph',
      'sd',
      set('unet/config.json', { in_channels: 9 }),
      /"sample" is .*expected \[any, 9/,
    ],
    [
      'a huge size',
      'sd',
      set('unet/config.json', { sample_size: 1e9 }),
      /unet\/config\.json: sample_size is 1000000000/,
    ],
    ['no blocks', 'sd', set('unet/config.json', { block_out_channels: [] }), /block_out_channels cannot be read/],
    [
      'forty blocks',
      'sd',
      set('vae_decoder/config.json', { block_out_channels: Array(40).fill(8) }),
      /block_out_channels/,
    ],
    ['a scale of nothing', 'sd', set('vae_decoder/config.json', { scaling_factor: 0 }), /scaling_factor is 0/],
    [
      'a scale that is text',
      'sd',
      set('vae_decoder/config.json', { scaling_factor: 'big' }),
      /scaling_factor is "big"/,
    ],
    ['other latents', 'sd', set('vae_decoder/config.json', { latent_channels: 16 }), /expected \[any, 16/],
    [
      'another graph in its place',
      'sd',
      copy('text_encoder/model.onnx', 'unet/model.onnx'),
      /unet\/model\.onnx: has no input/,
    ],
    [
      'endless training',
      'sd',
      set('scheduler/scheduler_config.json', { num_train_timesteps: 1e12 }),
      /num_train_timesteps/,
    ],
    ['padding that is no token', 'sd', set('tokenizer/tokenizer_config.json', { pad_token: '<nothing>' }), /pad_token/],
    [
      'layers that are not there',
      'sdxl',
      set('text_encoder/config.json', { num_hidden_layers: 99 }),
      /"hidden_states\.98"/,
    ],
    [
      'layers that are no number',
      'sdxl',
      set('text_encoder/config.json', { num_hidden_layers: '3' }),
      /num_hidden_layers is "3"/,
    ],
    ['guidance of no width', 'lcm', set('unet/config.json', { time_cond_proj_dim: -1 }), /time_cond_proj_dim is -1/],
    ['half channels', 'flux-dev', set('transformer/config.json', { in_channels: 66 }), /latents of 16\.5 channels/],
    ['patches of nothing', 'sd3', set('transformer/config.json', { patch_size: 0 }), /patch_size is 0/],
  ])('with %s (%s)', async (_, kind, change, why) => {
    await expect(load(kind, change)).rejects.toMatchObject({
      code: 'load_failed',
      message: expect.stringMatching(why),
    });
  });

  it('follows no path that a configuration names', async () => {
    const library = join(tmpdir(), 'no-such-library.so');
    const settings = { custom_ops_library: library, register_custom_ops_library: library, _name_or_path: '/etc' };
    const pipeline = await load('sd', (root) => {
      for (const part of ['unet', 'vae_decoder', 'text_encoder']) set(`${part}/config.json`, settings)(root);
      set('model_index.json', { ...settings, safety_checker: ['../../evil', 'Checker'] })(root);
      set('tokenizer/tokenizer_config.json', { auto_map: { AutoTokenizer: ['evil.py', null] } })(root);
    });
    const { pictures } = await pipeline.generate({ prompt: 'a fox', seed: 1, ...DEFAULTS }, { reach: async () => {} });
    expect(pictures.map(({ rgb }) => rgb.length)).toEqual([64 * 64 * 3]);
  });
});

describe('a request is refused before any work', () => {
  const request = { prompt: 'a fox', seed: 1, ...DEFAULTS };
  it.each([
    [{ width: 1_000_000 }, 'size_not_supported'],
    [{ width: 65 }, 'size_not_supported'],
    [{ height: -64 }, 'size_not_supported'],
    [{ steps: 1_000_000 }, 'steps_not_supported'],
    [{ guidanceScale: Number.NaN }, 'invalid_request'],
    [{ scheduler: '../ddim' }, 'invalid_request'],
    [{ scheduler: 'toString' }, 'invalid_request'],
    [{ scheduler: 'flow-euler' }, 'invalid_request'],
    [{ prompt: 'fox '.repeat(501) }, 'prompt_too_long'],
    [{ negativePrompt: 'fox '.repeat(501) }, 'prompt_too_long'],
  ])('%o', async (change, code) => {
    const pipeline = await load('sd', () => {});
    expect(() => pipeline.check({ ...request, ...change })).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, Change]>([
    ['flux-dev', () => {}],
    ['lcm', () => {}],
    ['sdxl', set('unet/config.json', { time_cond_proj_dim: 16 })],
  ])('a negative prompt where guidance is distilled into %s', async (kind, change) => {
    const pipeline = await load(kind, change, kind === 'sdxl' ? await toldOfGuidance() : undefined);
    pipeline.check(request);
    expect(() => pipeline.check({ ...request, negativePrompt: 'blur' })).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining('negativePrompt: guidance'),
      }),
    );
  });
});

it.each([
  ['sd', 'unet', 64, /^.*stillhouse-hostile-[^/]*: no picture came out, but values that are no numbers/],
  ['sd', 'vae_decoder', 64, /vae_decoder\/model\.onnx: no picture came out, but values that are no numbers/],
  ['../shapes-tiny/1.0.0/onnxruntime-fp16', 'unet', 32, /unet\/model\.onnx: no picture came out, but values/],
])('of %s whose %s answers what is no number, no black picture is made', async (kind, part, side, why) => {
  const defaults = { ...DEFAULTS, width: side, height: side };
  const pipeline = await load(kind, () => {}, await withoutNumbers(part), defaults);
  const painted = pipeline.generate({ prompt: 'a fox', seed: 1, ...defaults }, { reach: async () => {} });
  await expect(painted).rejects.toMatchObject({ code: 'run_failed', message: expect.stringMatching(why) });
});

it('a pipeline that is not known is told which are, and not to write a manifest', async () => {
  const change = set('model_index.json', { _class_name: 'PixArtAlphaPipeline' });
  await expect(load('sd', change)).rejects.toThrow(/PixArtAlphaPipeline.* is not known; known: /);
  await expect(openFolder(folder, undefined)).rejects.toThrow(
    /model_index\.json: pipeline "PixArtAlphaPipeline" is not known without a manifest\.json; known: StableDiffusionPipeline, /,
  );
});

describe('a pipe in the place of a file is never waited for', () => {
  const asked = { pixels: 64 ** 2, batch: 1, tiled: false, inTurn: false, adapters: [] };
  const files = [
    ...['model_index.json', 'scheduler/scheduler_config.json', 'tokenizer/tokenizer_config.json'],
    ...['unet/config.json', 'unet/model.onnx', 'unet/parts.json', 'vae_decoder/config.json'],
  ];

  it.each(files)(
    '%s',
    async (file) => {
      const painted = load('sd', (root) => {
        rmSync(join(root, file), { force: true });
        expect(spawnSync('mkfifo', [join(root, file)]).status).toBe(0);
      });
      await expect(painted).rejects.toThrow(`${join(folder, file)}: `);
      // `still run` opens the folder and predicts its memory first; what the prediction cannot read it leaves out.
      const run = openFolder(folder, undefined).then((opened) => predictRun(opened, asked));
      await run.catch((fault: unknown) => expect(fault).toBeInstanceOf(EngineFault));
    },
    10_000,
  );
});
