import { describe, expect, it } from 'vitest';
import { BENCH_MODES } from '../../shared/bench.ts';
import type { Clock } from '../../shared/clock.ts';
import { limits } from '../../shared/limits.ts';
import type { Engine, GenerateRequest } from '../engine/engine.ts';
import type { BenchPrompt } from './bench-prompts.ts';
import { latencyFigures, timeQueries } from './latency.ts';

const prompts: BenchPrompt[] = ['a', 'b', 'c'].map((prompt, seed) => ({ prompt, seed, judged: null }));

/** An engine whose every picture takes `latencyMs` of simulated time. */
function simulated(latencyMs: number) {
  let nowMs = 0;
  const asked: GenerateRequest[] = [];
  const clock = { now: () => nowMs, monotonic: () => nowMs, after: () => () => {} } satisfies Clock;
  const engine: Pick<Engine, 'generate'> = {
    async generate(request) {
      asked.push(request);
      nowMs += latencyMs;
      const png = new Uint8Array([asked.length]);
      const stagesMs = { denoise: latencyMs - 1, png: 1 };
      return {
        png,
        width: 1,
        height: 1,
        steps: 1,
        seed: request.seed,
        latencyMs,
        stagesMs,
        stepsMs: [1],
        embeddingsReused: 0,
        unknownWords: [],
        promptCuts: [],
      };
    },
  };
  return { asked, clock, engine: engine as Engine };
}

const run = (latencyMs: number) => {
  const simulation = simulated(latencyMs);
  const options = { ...simulation, prompts, mode: BENCH_MODES.quick, onQuery: () => {} };
  return timeQueries(options).then((timed) => ({ ...timed, asked: simulation.asked }));
};

describe('timeQueries', () => {
  it('ends at the greatest number on a quick device', async () => {
    expect((await run(1)).samples).toHaveLength(BENCH_MODES.quick.maxQueries);
  });

  it('ends when the time is over on a slower one', async () => {
    expect((await run(500)).samples).toHaveLength(BENCH_MODES.quick.maxMs / 500);
  });

  it('reaches the least number however slow the device is', async () => {
    expect((await run(60_000)).samples).toHaveLength(BENCH_MODES.quick.minQueries);
  });

  it('asks for the prompts in their order, over again, and keeps the first picture of each', async () => {
    const { asked, pictures } = await run(60_000);
    expect(asked.slice(0, 4).map(({ prompt }) => prompt)).toEqual(['a', 'b', 'c', 'a']);
    expect([...pictures.values()].map(([first]) => first)).toEqual([1, 2, 3]);
  });
});

it('keeps the largest run within one message', async () => {
  const { samples } = await timeQueries({
    ...simulated(123.456789),
    prompts,
    mode: { ...BENCH_MODES.full, maxMs: Infinity },
    onQuery: () => {},
  });
  expect(samples).toHaveLength(limits.benchSamples);
  const stagesMs = { tokenize: 0.123, encode: 1.234, denoise: 123.456, decode: 1.234, png: 1.234 };
  const pictures = Array.from({ length: limits.evaluationPrompts }, () => 1 / 3);
  const result = { quality: { pictures }, samples: samples.map((sample) => ({ ...sample, stagesMs })) };
  expect(JSON.stringify(result).length).toBeLessThan(limits.mqttMessageBytes - 8192);
});

describe('latencyFigures', () => {
  const samples = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ latencyMs: i + 1, stagesMs: { denoise: i } }));

  it('withholds percentiles that the run is too short for', () => {
    expect(latencyFigures(samples(8))).toMatchObject({ latencyMsP50: 4, latencyMsP90: null, latencyMsP99: null });
    expect(latencyFigures(samples(64))).toMatchObject({ latencyMsP50: 32, latencyMsP90: 58, latencyMsP99: null });
    expect(latencyFigures(samples(662)).latencyMsP99).toBe(656);
  });

  it('gives the median of each stage', () => {
    expect(latencyFigures(samples(9)).stagesMsP50).toEqual({ denoise: 4 });
  });
});
