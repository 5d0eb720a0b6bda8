// How short a picture can be that only has to pass through every graph once.
import type { PictureDefaults, Pipeline } from '../pipeline/pipeline.ts';

/** Runge-Kutta begins with four. */
const FEW = [2, 4] as const;

/** @returns the fewest of them that the pipeline takes, else as many as usual */
export function fewSteps(pipeline: Pick<Pipeline, 'check'>, defaults: PictureDefaults): number {
  const takes = (steps: number): boolean => {
    try {
      pipeline.check({ ...defaults, steps, prompt: '', seed: 0 });
      return true;
    } catch {
      return false;
    }
  };
  return FEW.find((steps) => steps < defaults.steps && takes(steps)) ?? defaults.steps;
}
