// How much later the noise levels lie for larger pictures: diffusers' `calculate_shift`.
import type { PictureDefaults } from '../pipeline.ts';
import type { FlowSettings } from '../schedulers/scheduler.ts';

/**
 * The defaults are those of the scheduler's class, which come before a pipeline's own (1.16 of Stable Diffusion 3).
 *
 * @param patches of the picture
 * @returns the exponent that the scheduler is told, a line through two points
 */
export function flowShift(patches: number, config: Readonly<Record<string, unknown>>): number {
  const number = (name: string, fallback: number): number =>
    typeof config[name] === 'number' ? config[name] : fallback;
  const [few, many] = [number('base_image_seq_len', 256), number('max_image_seq_len', 4096)];
  const [low, high] = [number('base_shift', 0.5), number('max_shift', 1.15)];
  const slope = (high - low) / (many - few);
  return patches * slope + (low - slope * few);
}

/**
 * The levels are given, evenly spaced, so that the smallest is not shifted twice.
 *
 * @param side of a patch, in pixels
 */
export function evenFlow(
  { steps, width, height }: PictureDefaults,
  side: number,
  config: Readonly<Record<string, unknown>>,
): FlowSettings {
  return { mu: flowShift((width / side) * (height / side), config), sigmas: evenLevels(steps) };
}

/** Noise levels from 1 to `1 / steps`, evenly spaced. */
function evenLevels(steps: number): number[] {
  const stride = steps > 1 ? (1 / steps - 1) / (steps - 1) : 0;
  return Array.from({ length: steps }, (_, i) => 1 + i * stride);
}
