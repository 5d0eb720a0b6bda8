// The largest picture, and then the most steps, that meet a target, by what one device measured of one variant. Only sizes
// that were measured are chosen: nothing is known of others. Steps cost the same each, so their number may be another.
import type { FitMeasurement, FitTarget } from '../../shared/fit.ts';
import { plural } from '../../shared/plural.ts';
import { median } from '../../shared/statistics.ts';
import { bytes, latency } from '../../shared/units.ts';

export interface FitBounds {
  /** The variant's own: never more than these, and never fewer than half of them. */
  readonly usualSteps: number;
  /** What the request fixes. */
  readonly steps?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

export type FitChoice =
  | {
      readonly kind: 'fits';
      readonly width: number;
      readonly height: number;
      readonly steps: number;
      readonly expectedLatencyMs: number;
      readonly expectedPeakBytes: number | null;
      readonly measurements: number;
    }
  | { readonly kind: 'none'; readonly message: string };

interface Size {
  readonly width: number;
  readonly height: number;
  /** Milliseconds of everything but the steps, and of each of them. */
  readonly restMs: number;
  readonly stepMs: number;
  readonly peakBytes: number | null;
  readonly measurements: number;
}

/** Sizes named in a refusal. */
const NAMED = 4;

export function chooseFit(measured: readonly FitMeasurement[], target: FitTarget, bounds: FitBounds): FitChoice {
  const sizes = sizesOf(measured).filter(
    ({ width, height }) => width === (bounds.width ?? width) && height === (bounds.height ?? height),
  );
  if (sizes.length === 0) return { kind: 'none', message: nothingMeasured(bounds) };
  for (const size of sizes) {
    const steps = mostSteps(size, target, bounds);
    if (steps === null) continue;
    const { width, height, peakBytes, measurements } = size;
    const expectedLatencyMs = latencyOf(size, steps);
    return { kind: 'fits', width, height, steps, expectedLatencyMs, expectedPeakBytes: peakBytes, measurements };
  }
  const named = sizes.slice(-NAMED).map((size) => shortfall(size, target, bounds));
  const others = sizes.length > NAMED ? `; ${sizes.length - NAMED} larger sizes take more` : '';
  return { kind: 'none', message: `${named.join('; ')}${others}` };
}

/** Largest first. */
function sizesOf(measured: readonly FitMeasurement[]): Size[] {
  const groups = Map.groupBy(measured, ({ width, height }) => `${width}x${height}`);
  const sizes = [...groups.values()].map((group): Size => {
    const { width, height } = group[0] as FitMeasurement;
    const peaks = group.flatMap(({ peakRssBytes }) => (peakRssBytes === null ? [] : [peakRssBytes]));
    return {
      ...{ width, height },
      restMs: median(group.map(({ latencyMs, denoiseMs }) => Math.max(0, latencyMs - denoiseMs))),
      stepMs: median(group.map(({ denoiseMs, steps }) => denoiseMs / steps)),
      peakBytes: peaks.length > 0 ? Math.max(...peaks) : null,
      measurements: group.length,
    };
  });
  return sizes.sort((a, b) => b.width * b.height - a.width * a.height || b.width - a.width);
}

function mostSteps(size: Size, target: FitTarget, bounds: FitBounds): number | null {
  const { memoryBytes, latencyMs } = target;
  if (memoryBytes !== undefined && (size.peakBytes === null || size.peakBytes > memoryBytes)) return null;
  for (let steps = bounds.steps ?? bounds.usualSteps; steps >= fewestSteps(bounds); steps--)
    if (latencyMs === undefined || latencyOf(size, steps) <= latencyMs) return steps;
  return null;
}

/** Fewer than half of the steps that a model likes is another picture, not a quicker one. */
const fewestSteps = ({ steps, usualSteps }: FitBounds): number => steps ?? Math.ceil(usualSteps / 2);

const latencyOf = ({ restMs, stepMs }: Size, steps: number): number => restMs + steps * stepMs;

function nothingMeasured({ width, height }: FitBounds): string {
  const size = width === undefined && height === undefined ? '' : ` of ${width ?? 'any'}x${height ?? 'any'}`;
  return `no picture${size} was measured there yet; make one, or run "still bench" with --size, and ask again`;
}

function shortfall(size: Size, { latencyMs, memoryBytes }: FitTarget, bounds: FitBounds): string {
  const steps = fewestSteps(bounds);
  const faults = [
    memoryBytes !== undefined && size.peakBytes === null && 'its peak memory is not known: bench it',
    memoryBytes !== undefined &&
      size.peakBytes !== null &&
      size.peakBytes > memoryBytes &&
      `takes ${bytes(size.peakBytes)} at its peak, ${bytes(size.peakBytes - memoryBytes)} too much`,
    latencyMs !== undefined &&
      latencyOf(size, steps) > latencyMs &&
      `takes ${latency(latencyOf(size, steps))} with ${plural(steps, 'step')}${bounds.steps === undefined ? ' (the fewest: half of the usual)' : ''}`,
  ].filter((fault) => fault !== false);
  return `${size.width}x${size.height} ${faults.join(' and ')}`;
}
