// Settings that are chosen to meet a target, from what a device measured.
import { z } from 'zod';
import { limits } from './limits.ts';

/** At least one of them. On the device: what the network adds is not in it. */
export const FitTarget = z
  .strictObject({
    /** Of one picture, the median. */
    latencyMs: z.number().positive().max(86_400_000).optional(),
    /** Peak resident set of the engine process. */
    memoryBytes: z.number().positive().max(1e15).optional(),
  })
  .refine(
    ({ latencyMs, memoryBytes }) => latencyMs !== undefined || memoryBytes !== undefined,
    'expected latencyMs, memoryBytes or both',
  );
export type FitTarget = z.infer<typeof FitTarget>;

/** What was chosen is in the request; this says why. */
export const Fit = z.looseObject({
  target: z.looseObject({ latencyMs: z.number().optional(), memoryBytes: z.number().optional() }),
  expectedLatencyMs: z.number().min(0),
  /** Null where no picture of this size told its peak. */
  expectedPeakBytes: z.number().min(0).nullable(),
  /** Pictures and bench runs of that size on that device that it was read from. */
  measurements: z.int().min(1),
});
export type Fit = z.infer<typeof Fit>;

/** What a bench may measure instead of the variant's usual settings. */
export const BenchSettings = z.strictObject({
  steps: z.int().min(1).max(limits.steps).optional(),
  width: z.int().min(1).max(limits.pictureSidePixels).optional(),
  height: z.int().min(1).max(limits.pictureSidePixels).optional(),
});
export type BenchSettings = z.infer<typeof BenchSettings>;

/** One bench run or picture of a variant on one device. */
export interface FitMeasurement {
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly latencyMs: number;
  /** All steps together. */
  readonly denoiseMs: number;
  /** Of an engine that had made nothing larger; null where that is not known. */
  readonly peakRssBytes: number | null;
}
