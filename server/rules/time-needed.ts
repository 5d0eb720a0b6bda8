// Whether a picture, or all that a bench makes, could be done in the time that it is given, by the quickest that the device made of
// a size up to the one asked for. Convolutions take time as pixels do and attention more, so from a smaller size it is rather too
// short.
import type { FitMeasurement } from '../../shared/fit.ts';
import { plural } from '../../shared/plural.ts';
import { duration } from '../../shared/units.ts';

export interface TimedPicture {
  readonly width: number;
  readonly height: number;
  /** The fewest that may run: one that begins from a picture leaves some out. */
  readonly steps: number;
  /** How many of them, one after the other. */
  readonly pictures: number;
  /** From the request until the end. */
  readonly timeoutMs: number;
}

const pixelsOf = ({ width, height }: { readonly width: number; readonly height: number }): number => width * height;

/** @returns the numbers and the remedy; null where it may be done in time, or nothing is known */
export function timeFault(measured: readonly FitMeasurement[], asked: TimedPicture): string | null {
  const smaller = measured.filter((one) => pixelsOf(one) <= pixelsOf(asked));
  const nearest = Math.max(...smaller.map(pixelsOf));
  const known = smaller
    .filter((one) => pixelsOf(one) === nearest)
    .map((one) => ({ ...one, neededMs: needed(one, asked) }));
  const [quickest] = known.sort((a, b) => a.neededMs - b.neededMs);
  if (!quickest || quickest.neededMs <= asked.timeoutMs) return null;
  const { width, height, steps, latencyMs, neededMs } = quickest;
  const { pictures } = asked;
  const what = `${pictures === 1 ? 'a picture' : `${pictures} pictures`} of ${asked.width}x${asked.height} in ${plural(asked.steps, 'step')}`;
  const growing = nearest === pixelsOf(asked) ? '' : ', if time grows no faster than pixels';
  return (
    `${what} would take ${duration(neededMs)} there${growing}, and ${pictures === 1 ? 'has' : 'have'} ${duration(asked.timeoutMs)}: ` +
    `the quickest of ${width}x${height} took ${duration(latencyMs)} for ${plural(steps, 'step')}; ask for a smaller size, fewer steps, or more time (--timeout)`
  );
}

function needed({ width, height, steps, latencyMs, denoiseMs }: FitMeasurement, asked: TimedPicture): number {
  const restMs = Math.max(0, latencyMs - denoiseMs);
  const oneMs = ((restMs + (denoiseMs / steps) * asked.steps) * pixelsOf(asked)) / pixelsOf({ width, height });
  return oneMs * asked.pictures;
}
