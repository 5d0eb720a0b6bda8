// What a device should run. The server owns it; `generation` only grows; the agent has one rule: newest wins.
import { z } from 'zod';
import { BenchMode } from './bench.ts';
import { Id, ModelName, Sha256, VersionNumber } from './ids.ts';
import { limits } from './limits.ts';

export const DesiredModel = z.looseObject({
  installationId: Id,
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  variant: z.string().min(1).max(63),
  role: z.enum(['current', 'shadow']),
  /** The bench that ends PROBING; its result decides the rollout's gate. */
  probe: BenchMode,
  /** What devices of this one's class measured for the variant; left out where none did. */
  history: z
    .looseObject({ deviceClass: z.string().max(63), runs: z.int().min(1), peakRssBytes: z.int().min(0) })
    .optional(),
  /** The device downloads it no faster than this, whatever it allows itself; bytes a second. */
  downloadBytesPerSecond: z.int().min(limits.leastBytesPerSecond).optional(),
});
export type DesiredModel = z.infer<typeof DesiredModel>;

export const DesiredState = z
  .looseObject({
    generation: z.int().min(0),
    models: z.array(DesiredModel).max(limits.modelsPerDevice),
  })
  .refine(
    ({ models }) => new Set(models.map(({ model, role }) => `${model} ${role}`)).size === models.length,
    'models: one version a model and role',
  );
export type DesiredState = z.infer<typeof DesiredState>;
