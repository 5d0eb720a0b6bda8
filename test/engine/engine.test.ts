// One real engine process over a real model: what it makes, what it refuses, and that it lives on.
import { readFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessEngine, StageProgress } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { checkGolden } from '../../agent/measure/golden.ts';
import { decodePng } from '../../agent/pipeline/read-png.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { clockOf, specOf } from './fixture.ts';

const spec = specOf();
const [golden] = spec.variant.golden.pictures;
const prompt = golden?.prompt ?? '';
let engine: ProcessEngine;

beforeAll(async () => {
  process.env.STILL_TEST_SECRET = 'not for engines';
  engine = await createEngineLauncher({ clock: clockOf(), log: () => {} }).launch(spec);
});

afterAll(async () => {
  delete process.env.STILL_TEST_SECRET;
  await engine.close();
});

describe('an engine', () => {
  it('says what it is', async () => {
    expect(engine.runtimeVersion).toMatch(/^onnxruntime \d+\.\d+/);
    expect(engine.loadMs).toBeGreaterThan(10);
    const resources = await engine.resources();
    expect(resources.peakRssBytes).toBeGreaterThan(40e6);
    expect(resources.peakRssBytes).toBeGreaterThanOrEqual(resources.rssBytes);
  });

  it('makes the golden pictures of its publisher', async () => {
    const outcome = await checkGolden(engine, spec);
    expect(outcome).toMatchObject({ kind: 'equal' });
    expect(outcome.kind === 'equal' && outcome.worstMeanAbsoluteDifference).toBeLessThan(0.05);
  });

  it('notices pictures that are not the golden ones', async () => {
    const pictures = spec.variant.golden.pictures.map((picture) => ({ ...picture, seed: picture.seed + 1 }));
    const variant = { ...spec.variant, golden: { ...spec.variant.golden, pictures } };
    const outcome = await checkGolden(engine, { ...spec, variant });
    expect(outcome).toMatchObject({ kind: 'different' });
    expect(outcome.kind === 'different' && outcome.message).toMatch(/differs by \d+\.\d+ levels on average, allowed/);
  });

  it('gives the same bytes for the same seed, others for another', async () => {
    const [a, b, c] = await Promise.all([7, 7, 8].map((seed) => engine.generate({ prompt, seed })));
    expect(Buffer.compare(a?.png ?? Buffer.of(), b?.png ?? Buffer.of())).toBe(0);
    expect(Buffer.compare(a?.png ?? Buffer.of(), c?.png ?? Buffer.of())).not.toBe(0);
  });

  it('makes a batch in one run, each picture as it is alone, and stays within a last bit', async () => {
    const stages: string[] = [];
    const onProgress = ({ stage, done }: StageProgress) => stages.push(`${stage} ${done}`);
    const made = await engine.generateBatch({ prompt, seed: 2 ** 32 - 1, batch: 3 }, { onProgress });
    expect(made.map(({ seed, batch }) => ({ seed, batch }))).toEqual(
      [4294967295, 0, 1].map((seed) => ({ seed, batch: 3 })),
    );
    expect(stages.filter((stage) => stage === 'denoise 1')).toHaveLength(1);
    for (const { seed, png } of made) {
      const alone = await engine.generate({ prompt, seed });
      const difference = pictureDifference(png, alone.png);
      expect(difference.kind === 'compared' && difference.meanAbsoluteDifference).toBeLessThan(0.05);
      expect(alone.batch).toBeUndefined();
    }
    await expect(engine.generateBatch({ prompt, seed: 1, batch: 33 })).rejects.toThrow('expected 1 to 32');
  });

  it('encodes a prompt once, says so, and does not in a measurement', async () => {
    const told = 'a blue square on green background';
    const reused = [];
    for (const fresh of [false, false, true])
      reused.push((await engine.generate({ prompt: told, seed: 3, fresh })).embeddingsReused);
    expect(reused).toEqual([0, 1, 0]);
    const [first, again] = await Promise.all([false, true].map((fresh) => engine.generate({ prompt, seed: 4, fresh })));
    expect(Buffer.compare(first?.png ?? Buffer.of(), again?.png ?? Buffer.of())).toBe(0);
  });

  it('shows what the picture looks like on the way, to whoever asks', async () => {
    const shown = async (previews: boolean) => {
      const seen: StageProgress[] = [];
      await engine.generate({ prompt, seed: 1, previews }, { onProgress: (progress) => seen.push(progress) });
      return seen.flatMap(({ preview }) => preview ?? []);
    };
    expect(await shown(false)).toEqual([]);
    const [first] = await shown(true);
    expect(decodePng(first ?? new Uint8Array()).width).toBeLessThanOrEqual(64);
  });

  it('says what it made, and how long each stage took', async () => {
    const { resolution, steps } = spec.variant;
    const picture = await engine.generate({ prompt, seed: 1 });
    expect(picture).toMatchObject({ ...resolution, steps, seed: 1, unknownWords: [] });
    expect(decodePng(picture.png)).toMatchObject({ width: resolution.width, height: resolution.height });
    expect(Object.keys(picture.stagesMs)).toEqual(['tokenize', 'encode', 'denoise', 'decode', 'png']);
    const sum = Object.values(picture.stagesMs).reduce((total, ms) => total + ms, 0);
    expect(sum).toBeLessThanOrEqual(picture.latencyMs);
    expect(sum).toBeGreaterThan(picture.latencyMs * 0.8);
  });

  it('reports its progress, and takes other numbers of steps', async () => {
    const seen: StageProgress[] = [];
    await engine.generate({ prompt, seed: 1, steps: 3 }, { onProgress: (progress) => seen.push(progress) });
    expect(seen.filter(({ stage }) => stage === 'denoise').map(({ done, total }) => `${done}/${total}`)).toEqual([
      '0/3',
      '1/3',
      '2/3',
      '3/3',
    ]);
    expect(seen.at(-1)?.stage).toBe('png');
  });

  it.each([
    ['nothing', '', []],
    ['other scripts', 'ein Fuchs 🦊 狐', ['ein', 'fuchs', '狐']],
    ['punctuation and control characters', '\u0000\n\t"; DROP TABLE --', ['drop', 'table']],
    ['half a surrogate pair', '\ud83e', []],
  ])('draws a prompt of %s', async (_, odd, unknownWords) => {
    const picture = await engine.generate({ prompt: odd, seed: 1 });
    expect(picture.png.length).toBeGreaterThan(100);
    expect(picture.unknownWords).toEqual(unknownWords);
  });

  it.each([
    [{ prompt: 'red '.repeat(500) }, 'prompt_too_long', /prompt: 501 tokens, this model reads at most \d+/],
    [{ prompt: 'x'.repeat(2001) }, 'prompt_too_long', /prompt: 2001 characters, this model reads at most 2000/],
    [{ width: 4096, height: 4096 }, 'size_not_supported', /size: 4096x4096 is not possible; this model makes \d+x\d+/],
    [{ steps: 0 }, 'steps_not_supported', /steps: 0 is not possible; this model takes 1 to 200/],
    [{ steps: 2.5 }, 'steps_not_supported', /2\.5/],
    [{ steps: 1e9 }, 'steps_not_supported', /1000000000/],
    [{ guidanceScale: 7.5 }, 'invalid_request', /guidanceScale: 7\.5 is not possible/],
    [{ negativePrompt: 'red' }, 'invalid_request', /negativePrompt: guidance is distilled into this model/],
    [{ guidanceScale: Number.NaN }, 'invalid_request', /guidanceScale: NaN is no number/],
    [{ seed: -1 }, 'invalid_request', /seed: -1 is no whole number from 0 to 4294967295/],
    [{ seed: 2 ** 32 }, 'invalid_request', /seed/],
    [{ seed: 0.5 }, 'invalid_request', /seed/],
  ])('refuses %o with %s', async (over, code, message) => {
    const failed = await engine.generate({ prompt, seed: 1, ...over }).catch((fault) => fault);
    expect(failed).toMatchObject({ name: 'EngineFault', code });
    expect(failed.message).toMatch(message);
  });

  it('judges its own picture by every head', async () => {
    const { png } = await engine.generate({ prompt, seed: 1 });
    const evaluator = spec.manifest.evaluation?.evaluator.config ?? '';
    const { heads } = JSON.parse(readFileSync(`${spec.folder}/${evaluator}`, 'utf8'));
    const found = await engine.evaluate(png);
    for (const { name, labels } of heads) expect(labels).toContain(found[name]);
    expect(Object.keys(found)).toHaveLength(heads.length);
  });

  it('refuses to judge what is no picture of its size', async () => {
    const small = encode({ width: 2, height: 2, data: new Uint8Array(12), channels: 3 });
    await expect(engine.evaluate(new Uint8Array(10))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(engine.evaluate(small)).rejects.toThrow(/2x2, the evaluator looks at/);
  });

  it('takes a waiting request back at once, and a running one between two steps', async () => {
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = engine.generate(
      { prompt, seed: 1, steps: 200 },
      { signal: running.signal, onProgress: ({ stage, done }) => stage === 'denoise' && done === 2 && running.abort() },
    );
    const second = engine.generate({ prompt, seed: 1 }, { signal: waiting.signal });
    const third = engine.generate({ prompt, seed: 9 });
    waiting.abort();
    await expect(second).rejects.toMatchObject({ code: 'canceled' });
    await expect(first).rejects.toMatchObject({ code: 'canceled' });
    expect((await third).seed).toBe(9);
    await expect(engine.generate({ prompt, seed: 1 }, { signal: running.signal })).rejects.toThrow('before it began');
  });

  it('leaves its end to its agent when a signal reaches the whole group', async () => {
    process.kill(engine.pid, 'SIGINT');
    process.kill(engine.pid, 'SIGTERM');
    expect((await engine.generate({ prompt, seed: 3 })).seed).toBe(3);
  });

  it('inherits nothing from the agent, and offers itself to the kernel when memory runs out', () => {
    expect(readFileSync(`/proc/${engine.pid}/environ`, 'latin1')).not.toContain('STILL_TEST_SECRET');
    expect(readFileSync(`/proc/${engine.pid}/oom_score_adj`, 'latin1').trim()).toBe('500');
  });
});

it('leads away from what the request names, where a small model is guided from outside', async () => {
  const guided = { ...spec, variant: { ...spec.variant, guidanceScale: 3 } };
  const own = await createEngineLauncher({ clock: clockOf(), log: () => {} }).launch(guided);
  try {
    const pictures = new Set<string>();
    for (const negativePrompt of [undefined, '', 'a red star', 'a blue square'])
      pictures.add(Buffer.from((await own.generate({ prompt, seed: 1, negativePrompt })).png).toString('base64'));
    expect(pictures.size).toBe(3);
  } finally {
    await own.close();
  }
});
