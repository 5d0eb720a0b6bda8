// Chooses the scheduler by the class that scheduler_config.json names, as diffusers does.
import { ddim } from './ddim.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { lcm } from './lcm.ts';
import type { Scheduler } from './scheduler.ts';
import type { SchedulerConfig } from './settings.ts';

const SCHEDULERS: Readonly<Record<string, (config: SchedulerConfig) => Scheduler>> = {
  DDIMScheduler: ddim,
  EulerDiscreteScheduler: euler,
  EulerAncestralDiscreteScheduler: eulerAncestral,
  LCMScheduler: lcm,
};

/** @throws RangeError that names the setting, and for an unknown class the known ones */
export function openScheduler(config: SchedulerConfig): Scheduler {
  const { _class_name: name } = config;
  const open = typeof name === 'string' && Object.hasOwn(SCHEDULERS, name) ? SCHEDULERS[name] : undefined;
  if (!open)
    throw new RangeError(
      `scheduler ${JSON.stringify(name)} is not known; known: ${Object.keys(SCHEDULERS).join(', ')}`,
    );
  return open(config);
}
