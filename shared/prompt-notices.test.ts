import { expect, test } from 'vitest';
import type { PromptCut } from './prompt-cut.ts';
import { literalWeights, noticeTexts } from './prompt-notices.ts';

test.each([
  ['a (fox:1.3) on teal', ['(fox:1.3)']],
  ['(red fox: .8), (red fox: .8) and (owl:-2)', ['(red fox: .8)', '(owl:-2)']],
  ['a (fox)1.3 as compel writes it', ['(fox)1.3']],
  ['((a fox:1.2) near a (pond))', ['(a fox:1.2)']],
  ['a fox (red), 16:9, at 12:30 (noon)', []],
  ['the year (1984) and (see: below) and f(x)2', []],
  ['('.repeat(2000), []],
  [`${'(:1'.repeat(600)}`, []],
])('finds the weights of %j', (prompt, found) => expect(literalWeights(prompt)).toEqual(found));

const cut = (encoder: string, over: Partial<PromptCut> = {}): PromptCut => ({
  ...{ of: 'prompt', encoder, tokens: 103, mostTokens: 77, unread: 'on teal', ...over },
});
const none = { unknownWords: [], promptCuts: [], literalWeights: [] };

test('says nothing where there is nothing to say', () => expect(noticeTexts(none)).toEqual([]));

test('tells once what several encoders left out, and apart what differs', () => {
  const promptCuts = [
    cut('text_encoder'),
    cut('text_encoder_2'),
    cut('text_encoder_3', { mostTokens: 256, tokens: 300, unread: 'teal' }),
    cut('text_encoder', { of: 'negativePrompt', tokens: 80 }),
  ];
  expect(
    noticeTexts({ unknownWords: ['purple'], promptCuts, literalWeights: ['(fox:1.3)'], negativeUnreadUpTo: 1 }),
  ).toEqual([
    'The model does not know: purple.',
    'text_encoder and text_encoder_2 read 77 tokens, the prompt has 103; left out: “on teal”.',
    'text_encoder_3 reads 256 tokens, the prompt has 300; left out: “teal”.',
    'text_encoder reads 77 tokens, the negative prompt has 80; left out: “on teal”.',
    'Weights in brackets are read as they stand, not as weights: (fox:1.3).',
    'The negative prompt is not read: that takes a guidance over 1 (--guidance).',
  ]);
});
