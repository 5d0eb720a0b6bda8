// A prompt that is longer than a pipeline's text encoders take: cut as the reference cuts it, and told.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { loadChatTemplate } from '../../agent/pipeline/stages/chat-template.ts';
import { loadTextTokenizer } from '../../agent/pipeline/stages/text-tokenizer.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const runtime = await openRuntime('onnxruntime', null);
const defaults = { steps: 1, guidanceScale: 1, width: 64, height: 64 };

async function cutsOf(kind: string, request: { prompt: string; negativePrompt?: string; guidanceScale?: number }) {
  const options = { folder: join(fixtures, kind), runtime, threads: 1, defaults };
  const pipeline = await loadPipeline(options);
  const asked = { ...defaults, seed: 1, ...request };
  const { promptCuts } = await pipeline.generate(asked, { reach: async () => {} });
  return promptCuts.map(({ of, encoder, tokens, mostTokens, unread }) => [of, encoder, tokens, mostTokens, unread]);
}

const foxes = (count: number) => Array(count).fill('fox').join(' ');
// The tiny vocabularies know "fox" as one token, CLIP's put a token around the text on either side, T5's one behind it.

test.each(['sd', 'lcm', 'sdxl', 'sd3', 'flux-dev', 'z-image'])('%s reads a prompt that fits', async (kind) =>
  expect(await cutsOf(kind, { prompt: 'a red fox', negativePrompt: foxes(3), guidanceScale: 3 })).toEqual([]),
);

test('CLIP takes 75 words, not 76', async () => {
  expect(await cutsOf('sd', { prompt: foxes(75) })).toEqual([]);
  expect(await cutsOf('sd', { prompt: `${foxes(75)} apple` })).toEqual([['prompt', 'text_encoder', 78, 77, 'apple']]);
});

test('a negative prompt counts where something is guided away from', async () => {
  const request = { prompt: 'a fox', negativePrompt: `${foxes(75)} apple` };
  expect(await cutsOf('sd', request)).toEqual([]);
  const cut = ['negativePrompt', 'text_encoder', 78, 77, 'apple'];
  expect(await cutsOf('sd', { ...request, guidanceScale: 2 })).toEqual([cut]);
  expect(await cutsOf('lcm', { ...request, guidanceScale: 2 })).toEqual([]);
});

test('each encoder has a limit of its own', async () => {
  const clip = ['prompt', 'text_encoder', 78, 77, 'apple'];
  const second = ['prompt', 'text_encoder_2', 78, 77, 'apple'];
  expect(await cutsOf('sdxl', { prompt: `${foxes(75)} apple` })).toEqual([clip, second]);
  expect(await cutsOf('sd3', { prompt: `${foxes(75)} apple` })).toEqual([clip, second]);
  expect(await cutsOf('flux-dev', { prompt: `${foxes(75)} apple` })).toEqual([clip]);
  const [first, , third] = await cutsOf('sd3', { prompt: `${foxes(255)} apple` });
  expect(first).toEqual(['prompt', 'text_encoder', 258, 77, `${foxes(180)} apple`]);
  expect(third).toEqual(['prompt', 'text_encoder_3', expect.any(Number), 256, expect.stringMatching(/apple$/)]);
});

test('what a talk’s template adds behind a prompt is no part of it', async () => {
  const folder = join(fixtures, 'z-image/tokenizer');
  const [template, tokenizer] = [await loadChatTemplate(folder), await loadTextTokenizer(folder)];
  const unread = (words: number) => tokenizer.encode(template(foxes(words)), 512).cut?.unread;
  let words = 300;
  while (!unread(words)?.includes('fox')) words++;
  expect(unread(words - 1)).toMatch(/^<.im_end.>/);
  expect(await cutsOf('z-image', { prompt: foxes(words - 1) })).toEqual([]);
  expect(await cutsOf('z-image', { prompt: foxes(words) })).toEqual([
    ['prompt', 'text_encoder', expect.any(Number), 512, 'fox'],
  ]);
});

test('a prompt of as many characters as a request may have is read, whatever a template adds', async () => {
  const [cut, ...others] = await cutsOf('z-image', { prompt: 'a6 '.repeat(666) });
  expect(cut?.[4]).toMatch(/a6$/);
  expect(others).toEqual([]);
});
