// What of a request's texts its encoders did not read. The reference cuts and warns; so does a picture's result.
import type { PromptCut } from '../../../shared/prompt-cut.ts';
import type { PictureRequest } from '../pipeline.ts';
import type { TextCut } from './text-tokenizer.ts';

export interface TextReader {
  /** Its folder, such as `text_encoder_2`. */
  readonly name: string;
  /** How many ids it is fed. */
  readonly length: number;
  /** @returns null where it reads all of the text */
  cut(text: string): TextCut | null;
}

/** @param guided whether the negative prompt was encoded, too */
export function promptCuts(
  readers: readonly TextReader[],
  { prompt, negativePrompt = '' }: Pick<PictureRequest, 'prompt' | 'negativePrompt'>,
  guided: boolean,
): PromptCut[] {
  const cutsOf = (of: PromptCut['of'], text: string) =>
    readers.flatMap(({ name, length, cut }) => {
      const found = cut(text);
      return found
        ? [{ of, encoder: name, mostTokens: length, tokens: found.tokens, unread: found.unread.trim() }]
        : [];
    });
  return [...cutsOf('prompt', prompt), ...(guided ? cutsOf('negativePrompt', negativePrompt) : [])];
}
