import { z } from 'zod';
import { limits } from './limits.ts';

/** The end of one of a request's texts, which one text encoder did not read. */
export const PromptCut = z.looseObject({
  of: z.enum(['prompt', 'negativePrompt']),
  /** Its folder, such as `text_encoder_2`. */
  encoder: z.string().max(100),
  /** Of the whole text, with what the encoder puts around it. */
  tokens: z.int().min(1),
  mostTokens: z.int().min(1),
  /** As the encoder's vocabulary spells it: in lower case, say. */
  unread: z.string().max(limits.promptCharacters),
});
export type PromptCut = z.infer<typeof PromptCut>;

/** What of its prompts a picture cannot show, as a device reports it. */
export const promptNoticeFields = {
  /** Words of the prompt that the model does not know. */
  unknownWords: z.array(z.string().max(100)).max(100).optional(),
  /** Ends of the prompts that the model's text encoders did not read. */
  promptCuts: z.array(PromptCut).max(16).optional(),
  /** Where a negative prompt was given and not read: the guidance up to which that is so. */
  negativeUnreadUpTo: z.number().min(0).optional(),
};
