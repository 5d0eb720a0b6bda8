// The two files of an evaluation that a manifest names: what to paint, and how to judge it.
import { z } from 'zod';
import { limits } from './limits.ts';
import { ArtifactPath } from './manifest.ts';

/** The file that the manifest's `evaluation.set` names. */
export const EvaluationSet = z.looseObject({
  prompts: z
    .array(
      z.looseObject({
        prompt: z.string().min(1).max(limits.promptCharacters),
        seed: z.int().min(0).max(0xffffffff),
        /** Evaluator head → the label that the caption asks for. Heads the caption leaves open are left out. */
        expected: z.record(z.string(), z.string()),
        /** The teacher's picture of this prompt and seed, and the share of expected parts found in it. */
        teacher: z.looseObject({ picture: ArtifactPath.optional(), adherence: z.number().min(0).max(1) }),
      }),
    )
    .min(1)
    .max(limits.evaluationPrompts),
});
export type EvaluationSet = z.infer<typeof EvaluationSet>;

/** The file that `evaluation.evaluator.config` names: how to feed the graph and read its heads. */
export const EvaluatorConfig = z.looseObject({
  input: z.looseObject({
    name: z.string(),
    width: z.int().min(1).max(4096),
    height: z.int().min(1).max(4096),
    /** A pixel of 0–255 becomes `pixel / 255 · scale + offset`, float32, NCHW, RGB. */
    scale: z.number(),
    offset: z.number(),
  }),
  /** Each head is one output [N, labels]; its answer is the arg-max. */
  heads: z
    .array(z.looseObject({ name: z.string(), output: z.string(), labels: z.array(z.string()).min(2) }))
    .min(1)
    .max(64),
});
export type EvaluatorConfig = z.infer<typeof EvaluatorConfig>;
