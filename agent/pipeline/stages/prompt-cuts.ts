// What of a request's texts its encoders did not read. The reference cuts and warns; so does a picture's result.
import type { PromptCut } from '../../../shared/prompt-cut.ts';
import type { TextCut } from './text-tokenizer.ts';

/** A text as an encoder is fed it. */
export interface ReadText {
  /** The encoder's folder, such as `text_encoder_2`. */
  readonly encoder: string;
  readonly ids: BigInt64Array;
  /** How many ids it reads at most. */
  readonly length: number;
  /** Null where it reads all of the text. */
  readonly cut: TextCut | null;
}

/**
 * @param asked the prompt, by each encoder
 * @param away the negative prompt, likewise; empty where it was not encoded
 */
export function promptCuts(asked: readonly ReadText[], away: readonly ReadText[]): PromptCut[] {
  const cutsOf = (of: PromptCut['of'], texts: readonly ReadText[]) =>
    texts.flatMap(({ encoder, length, cut }) =>
      cut ? [{ of, encoder, mostTokens: length, tokens: cut.tokens, unread: cut.unread.trim() }] : [],
    );
  return [...cutsOf('prompt', asked), ...cutsOf('negativePrompt', away)];
}
