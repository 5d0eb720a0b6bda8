// The pipeline's stages against what torch, diffusers, tokenizers and the toolkit computed (test/golden, written by the
// toolkit's `golden` command).
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadEvaluator } from '../../agent/pipeline/evaluator.ts';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { randn } from '../../agent/pipeline/noise.ts';
import type { RgbPicture } from '../../agent/pipeline/png.ts';
import { decodePng } from '../../agent/pipeline/read-png.ts';
import { flowMatchEuler } from '../../agent/pipeline/schedulers/flow-match-euler.ts';
import { loadTokenizer } from '../../agent/pipeline/tokenizer.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import { specOf } from './fixture.ts';

const test = fileURLToPath(new URL('..', import.meta.url));
const golden = <T>(name: string): T => JSON.parse(readFileSync(join(test, 'golden', name), 'utf8'));
const fixture = (version: string) => specOf(join(test, 'fixtures', version));
const runtime = await openRuntime('onnxruntime');

interface NoiseVectors {
  readonly tolerance: number;
  readonly cases: { seed: number; count: number; first: number[]; last: number[]; sum: number }[];
}
interface EulerVectors {
  readonly cases: {
    config: Record<string, unknown>;
    steps: number;
    timesteps: number[];
    samples: number[][];
    velocitySeeds: number[];
  }[];
}
interface TokenizerVectors {
  readonly tokenizer: object;
  readonly config: object;
  readonly cases: { prompt: string; ids: number[] }[];
}
interface PipelineVectors {
  readonly version: string;
  readonly cases: { prompt: string; seed: number; steps: number; pixelsSha256: string; picture: string }[];
}
interface EvaluatorVectors {
  readonly version: string;
  readonly cases: { picture: string; labels: Record<string, string> }[];
}

function worstDifference(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (actual[i] as number))), 0);
}

describe('noise', () => {
  const { cases, tolerance } = golden<NoiseVectors>('noise.json');
  it.each(cases)('seed $seed, $count values', ({ seed, count, first, last, sum }) => {
    const values = randn(seed, count);
    expect(worstDifference(values.subarray(0, first.length), first)).toBeLessThanOrEqual(tolerance);
    expect(worstDifference(values.subarray(count - last.length), last)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(values.reduce((total, value) => total + value, 0) - sum)).toBeLessThanOrEqual(tolerance * count);
  });
});

describe('flow-match-euler', () => {
  it.each(golden<EulerVectors>('flow-match-euler.json').cases)('shift $config.shift, $steps steps', (expected) => {
    const schedule = flowMatchEuler(expected.config).schedule(expected.steps);
    expect(worstDifference(schedule.timesteps, expected.timesteps)).toBeLessThan(1e-4);
    let sample = randn(expected.steps, 16);
    for (const [step, seed] of expected.velocitySeeds.entries()) {
      sample = schedule.step({ step, sample, modelOutput: randn(seed, 16) });
      expect(worstDifference(sample, expected.samples[step + 1] as number[])).toBeLessThan(2e-6);
    }
  });
});

describe('tokenizer', async () => {
  const { tokenizer: json, config, cases } = golden<TokenizerVectors>('tokenizer.json');
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  afterAll(() => rmSync(folder, { recursive: true }));
  const tokenizer = await loadTokenizer(folder);

  it.each(cases)('%o', ({ prompt, ids }) => expect([...tokenizer.tokenize(prompt).ids].map(Number)).toEqual(ids));

  it('names the words that it does not know, each once', () => {
    expect(tokenizer.tokenize('a purple dinosaur on a PURPLE circle').unknownWords).toEqual(['purple', 'dinosaur']);
  });

  it('counts what is too long, and takes what just fits', () => {
    expect(tokenizer.tokenize('red '.repeat(23)).ids).toHaveLength(24);
    expect(() => tokenizer.tokenize('red '.repeat(24))).toThrow('prompt: 25 tokens, this model reads at most 24');
  });
});

describe('pipeline', async () => {
  const { version, cases } = golden<PipelineVectors>('pipeline.json');
  const { folder, variant } = fixture(version);
  const { resolution, guidanceScale, steps } = variant;
  const size = { width: resolution.width, height: resolution.height };
  const pipeline = await loadPipeline({
    folder: join(folder, variant.folder),
    runtime,
    threads: 1,
    defaults: { ...size, steps, guidanceScale },
  });

  it.each(cases)('$prompt', async (expected) => {
    const request = { prompt: expected.prompt, seed: expected.seed, steps: expected.steps, guidanceScale, ...size };
    const { pictures } = await pipeline.generate(request, { reach: async () => {} });
    const [picture] = pictures as [RgbPicture];
    const wanted = decodePng(readFileSync(join(test, 'golden', expected.picture)));
    expect(createHash('sha256').update(wanted.rgb).digest('hex')).toBe(expected.pixelsSha256);
    // Other builds of the runtime round differently in the last bit, so that a level may tip over here and there.
    expect(worstDifference(picture.rgb, [...wanted.rgb])).toBeLessThanOrEqual(1);
    const tipped = picture.rgb.filter((level, i) => level !== wanted.rgb[i]).length;
    expect(tipped / wanted.rgb.length).toBeLessThan(0.001);
  });
});

describe('evaluator', async () => {
  const { version, cases } = golden<EvaluatorVectors>('evaluator.json');
  const { folder, manifest } = fixture(version);
  const { graph, config } = manifest.evaluation?.evaluator ?? { graph: '', config: '' };
  const files = { graph: join(folder, graph), config: join(folder, config) };
  const evaluator = await loadEvaluator({ files, runtime, threads: 1 });

  it.each(cases)('$picture', async ({ picture, labels }) => {
    expect(await evaluator.evaluate(readFileSync(join(test, 'golden', picture)))).toEqual(labels);
  });
});
