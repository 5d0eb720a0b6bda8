// What of a prompt a picture cannot show: words that a model does not know, an end that its text encoders did not read,
// weights that they read as letters, a negative prompt without guidance.

import { plural } from './plural.ts';
import type { PromptCut } from './prompt-cut.ts';

export interface PromptNotices {
  readonly unknownWords: readonly string[];
  readonly promptCuts: readonly PromptCut[];
  readonly literalWeights: readonly string[];
  /** Where a negative prompt was given and not read: the guidance up to which that is so. */
  readonly negativeUnreadUpTo?: number | undefined;
}

/** `(fox:1.3)` as web interfaces write weights, `(fox)1.3` as compel does. Pipelines of diffusers read both as letters. */
const WEIGHT = /\([^()]+(?::\s*[+-]?\d*\.?\d+\s*\)|\)[+-]?\d*\.\d+)/g;

/** @returns each weight in brackets that stands in the prompt */
export function literalWeights(prompt: string): string[] {
  return [...new Set(prompt.match(WEIGHT) ?? [])];
}

const TEXTS = { prompt: 'the prompt', negativePrompt: 'the negative prompt' } as const;

/** One sentence for each, for people. */
export function noticeTexts(notices: PromptNotices): string[] {
  const { unknownWords, promptCuts, literalWeights, negativeUnreadUpTo: upTo } = notices;
  const unknown = unknownWords.length ? [`The model does not know: ${unknownWords.join(', ')}.`] : [];
  const weights = literalWeights.length
    ? [`Weights in brackets are read as they stand, not as weights: ${literalWeights.join(', ')}.`]
    : [];
  const unread =
    upTo === undefined ? [] : [`The negative prompt is not read: that takes a guidance over ${upTo} (--guidance).`];
  return [...unknown, ...cutTexts(promptCuts), ...weights, ...unread];
}

/** Encoders that left out the same are told of together. */
function cutTexts(cuts: readonly PromptCut[]): string[] {
  const alike = new Map<string, PromptCut[]>();
  for (const cut of cuts) {
    const key = `${cut.of} ${cut.tokens} ${cut.mostTokens} ${cut.unread}`;
    alike.set(key, [...(alike.get(key) ?? []), cut]);
  }
  return [...alike.values()].map((group) => {
    const [{ of, tokens, mostTokens, unread }] = group as [PromptCut];
    const encoders = group.map(({ encoder }) => encoder).join(' and ');
    const reads = group.length === 1 ? 'reads' : 'read';
    return `${encoders} ${reads} ${plural(mostTokens, 'token')}, ${TEXTS[of]} has ${tokens}; left out: “${unread}”.`;
  });
}
