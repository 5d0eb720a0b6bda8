// What one device measured of one variant, at any size and number of steps: its bench runs, and pictures that it made.
import { z } from 'zod';
import type { BenchResult } from '../../shared/bench.ts';
import type { FitMeasurement } from '../../shared/fit.ts';
import * as benchRuns from './bench-runs.ts';
import type { Db } from './database.ts';
import * as jobs from './jobs.ts';

/** The newest of each kind: a device that has grown slower is measured as it is now. */
const NEWEST = 200;

interface Of {
  readonly deviceId: string;
  readonly versionDigest: string;
  readonly variant: string;
}

export async function fitMeasurements(db: Db, of: Of): Promise<FitMeasurement[]> {
  const { deviceId } = of;
  const usual = await benchRuns.ofDevice(db, { ...of, sinceMs: 0, limit: NEWEST });
  const others = await jobs.list(db, { kind: 'bench', deviceId, limit: NEWEST });
  const made = await jobs.list(db, { kind: 'picture', deviceId, limit: NEWEST });
  const benches = [
    ...usual.map(({ result }) => result),
    ...others.flatMap(({ result, state }) =>
      state === 'SUCCEEDED' && result?.bench ? [result.bench as BenchResult] : [],
    ),
  ];
  const isOf = (one: { readonly versionDigest: string; readonly variant: string }) =>
    one.versionDigest === of.versionDigest && one.variant === of.variant;
  return [
    ...benches.filter(isOf).map(ofBench),
    ...made.flatMap(({ result, state }) => {
      const picture = state === 'SUCCEEDED' ? MadePicture.safeParse(result) : null;
      return picture?.success && isOf(picture.data) && !picture.data.cached ? [ofPicture(picture.data)] : [];
    }),
  ];
}

/** A few of the fields of a job's result (shared/messages.ts, Report). */
const MadePicture = z.looseObject({
  versionDigest: z.string(),
  variant: z.string(),
  width: z.int(),
  height: z.int(),
  steps: z.int(),
  latencyMs: z.number(),
  stagesMs: z.looseObject({ denoise: z.number() }),
  peakRssBytes: z.int().optional(),
  cached: z.boolean().optional(),
});

function ofBench({ resolution, steps, latencyMsP50, stagesMsP50, peakRssBytes }: BenchResult): FitMeasurement {
  const { width, height } = resolution;
  const denoiseMs = stagesMsP50.denoise ?? latencyMsP50;
  return { width, height, steps, latencyMs: latencyMsP50, denoiseMs, peakRssBytes };
}

function ofPicture({ width, height, steps, latencyMs, stagesMs, peakRssBytes }: z.infer<typeof MadePicture>) {
  return { width, height, steps, latencyMs, denoiseMs: stagesMs.denoise, peakRssBytes: peakRssBytes ?? null };
}
