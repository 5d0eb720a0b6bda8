import { describe, expect, it } from 'vitest';
import { openScheduler, withScheduler } from './open-scheduler.ts';

describe('a scheduler in place of the folder’s own', () => {
  // The settings as `save_pretrained` writes them: two classes give `solver_type` choices of their own.
  const dpm = { _class_name: 'DPMSolverMultistepScheduler', solver_type: 'midpoint' };
  const unipc = { _class_name: 'UniPCMultistepScheduler', solver_type: 'bh2' };

  it.each([
    [dpm, 'unipc', unipc],
    [{ ...dpm, solver_type: 'heun' }, 'unipc', unipc],
    [unipc, 'dpm++', dpm],
    [{ ...unipc, solver_type: 'bh1' }, 'dpm++', dpm],
  ])('%j becomes %s', (own, name, same) => {
    expect(path(withScheduler(own, name))).toEqual(path(same));
  });

  it.each([
    ['FlowMatchEulerDiscreteScheduler', 'lcm', /by flow matching; these can: dpm\+\+, dpm\+\+-sde, unipc, flow-euler$/],
    ['DDIMScheduler', 'flow-euler', /by diffusion; these can: ddim, pndm, euler, .*unipc, lcm$/],
  ])('of %s is refused as %s with the names of those that can', (_class_name, name, why) => {
    expect(() => withScheduler({ _class_name }, name)).toThrow(why);
  });

  it('knows no other solver_type', () => {
    expect(() => openScheduler({ ...unipc, solver_type: 'bh3' })).toThrow('solver_type is "bh3"; known: bh2, bh1');
  });
});

/** Where four steps lead that find the same each time. */
function path(config: Readonly<Record<string, unknown>>): number[][] {
  const schedule = openScheduler(config).schedule(4);
  let sample = Float32Array.of(1, -0.5, 0.25);
  return schedule.timesteps.map((_, step) => {
    sample = new Float32Array(schedule.step({ step, sample, modelOutput: sample.map((value) => value * 0.9 - 0.1) }));
    return [...sample];
  });
}
