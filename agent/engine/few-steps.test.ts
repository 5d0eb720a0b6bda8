import { expect, it } from 'vitest';
import { EngineFault } from '../pipeline/fault.ts';
import { pndm } from '../pipeline/schedulers/pndm.ts';
import { fewSteps } from './few-steps.ts';

const defaults = { steps: 50, guidanceScale: 7.5, width: 64, height: 64 };

it('is two steps where the pipeline takes them, and never more than usual', () => {
  expect(fewSteps({ check: () => {} }, defaults)).toBe(2);
  expect(fewSteps({ check: () => {} }, { ...defaults, steps: 1 })).toBe(1);
});

it('is what Runge-Kutta needs for PNDM that begins with it', () => {
  const scheduler = pndm({ skip_prk_steps: false });
  expect(fewSteps({ check: ({ steps }) => void scheduler.schedule(steps) }, defaults)).toBe(4);
});

it('is the usual number where a pipeline takes no fewer', () => {
  const check = ({ steps }: { steps: number }) => {
    if (steps !== 9) throw new EngineFault('steps_not_supported', 'steps');
  };
  expect(fewSteps({ check }, { ...defaults, steps: 9 })).toBe(9);
});
