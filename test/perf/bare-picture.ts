// What picture.ts compares a student's engine with: the same picture of the same prompt and seed, to the byte, in a straight
// line over the runtime, for this one pipeline and nothing else. No checks, no clocks, no progress, no cancel.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randn } from '../../agent/pipeline/noise.ts';
import { planesToRgb } from '../../agent/pipeline/pixels.ts';
import { encodePng } from '../../agent/pipeline/png.ts';
import { openScheduler } from '../../agent/pipeline/schedulers/open-scheduler.ts';
import { loadTokenizer } from '../../agent/pipeline/tokenizer.ts';
import type { Tensor } from '../../agent/runtime/runtime.ts';
import { answerEach, openBare } from './bare-process.ts';

const { folder, side, load } = await openBare();
const [textEncoder, unet] = [await load('text_encoder'), await load('unet')];
const { tokenize } = await loadTokenizer(join(folder, 'tokenizer'));
const scheduler = openScheduler(JSON.parse(readFileSync(join(folder, 'scheduler/scheduler_config.json'), 'utf8')));

async function paint({ prompt, seed, steps }: { prompt: string; seed: number; steps: number }): Promise<Uint8Array> {
  const { ids } = tokenize(prompt);
  const input = { type: 'int64', dims: [1, ids.length], data: ids } as const;
  const words = (await textEncoder.run({ input_ids: input })).last_hidden_state as Tensor;
  const schedule = scheduler.schedule(steps);
  let sample = randn(seed, 3 * side * side);
  for (const [step, at] of schedule.timesteps.entries()) {
    const timestep = { type: 'float32', dims: [1], data: Float32Array.of(at) } as const;
    const feeds = { sample: { type: 'float32', dims: [1, 3, side, side], data: sample }, timestep } as const;
    const velocity = (await unet.run({ ...feeds, encoder_hidden_states: words })).out_sample?.data as Float32Array;
    sample = schedule.step({ step, sample, modelOutput: velocity });
  }
  return encodePng(planesToRgb(sample, side, side));
}

answerEach(paint);
