import { z } from 'zod';
import { ModelName, Sha256, VersionNumber } from './ids.ts';

/** The version that this one was made from by teaching it a few pictures more. */
export const BaseVersion = z.looseObject({
  model: ModelName,
  version: VersionNumber,
  /** Of the base's manifest. */
  digest: Sha256,
  method: z.enum(['lora']),
  rank: z.int().min(1),
  /** Whether the weights are this version's own; otherwise its graphs add to the base's, which stand in files of the base's bytes. */
  merged: z.boolean(),
});
