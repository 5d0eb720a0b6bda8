// Chooses the scheduler by the class that scheduler_config.json names, as diffusers does, or by the name in a request.
import { ddim } from './ddim.ts';
import { dpmSolverMultistep } from './dpm-solver-multistep.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { flowMatchEuler } from './flow-match-euler.ts';
import { lcm } from './lcm.ts';
import { pndm } from './pndm.ts';
import type { Scheduler } from './scheduler.ts';
import type { SchedulerConfig } from './settings.ts';
import { unipcMultistep } from './unipc-multistep.ts';

const SCHEDULERS: Readonly<Record<string, (config: SchedulerConfig) => Scheduler>> = {
  DDIMScheduler: ddim,
  PNDMScheduler: pndm,
  EulerDiscreteScheduler: euler,
  EulerAncestralDiscreteScheduler: eulerAncestral,
  DPMSolverMultistepScheduler: dpmSolverMultistep,
  UniPCMultistepScheduler: unipcMultistep,
  LCMScheduler: lcm,
  FlowMatchEulerDiscreteScheduler: flowMatchEuler,
};

/** What a request may name beside the classes themselves: settings over those of the folder's own file. */
const SHORT_NAMES: Readonly<Record<string, SchedulerConfig>> = {
  ddim: { _class_name: 'DDIMScheduler' },
  pndm: { _class_name: 'PNDMScheduler', skip_prk_steps: true },
  euler: { _class_name: 'EulerDiscreteScheduler' },
  'euler-karras': { _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: true },
  'euler-ancestral': { _class_name: 'EulerAncestralDiscreteScheduler' },
  'dpm++': { _class_name: 'DPMSolverMultistepScheduler' },
  'dpm++-karras': { _class_name: 'DPMSolverMultistepScheduler', use_karras_sigmas: true },
  'dpm++-sde': { _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'sde-dpmsolver++' },
  unipc: { _class_name: 'UniPCMultistepScheduler' },
  lcm: { _class_name: 'LCMScheduler' },
  'flow-euler': { _class_name: 'FlowMatchEulerDiscreteScheduler' },
};

/** Schedulers of flow matching walk other levels than those of diffusion: one family's model is lost in the other's. */
const isFlow = (config: SchedulerConfig): boolean =>
  config._class_name === 'FlowMatchEulerDiscreteScheduler' || config.use_flow_sigmas === true;

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

/**
 * The folder's own settings under another scheduler, as `from_config` of diffusers takes them over.
 *
 * @param name a class, or one of the short names
 * @throws RangeError that lists the names, or says that the model cannot be sampled so, and how it can
 */
export function withScheduler(config: SchedulerConfig, name: string): SchedulerConfig {
  const short = Object.hasOwn(SHORT_NAMES, name) ? SHORT_NAMES[name] : undefined;
  if (!short && !Object.hasOwn(SCHEDULERS, name))
    throw new RangeError(`scheduler "${name}" is not known; known: ${Object.keys(SHORT_NAMES).join(', ')}`);
  const found = taken(config, short ?? { _class_name: name });
  if (found) return found;
  const kind = isFlow(config) ? 'flow matching' : 'diffusion';
  const able = Object.keys(SHORT_NAMES).filter((other) => samples(config, SHORT_NAMES[other] as SchedulerConfig));
  throw new RangeError(
    `scheduler "${name}" cannot sample this model, which was trained by ${kind}; these can: ${able.join(', ')}`,
  );
}

/** The folder's settings with those of a scheduler over them; null where it samples what was trained in the other way. */
function taken(config: SchedulerConfig, settings: SchedulerConfig): SchedulerConfig | null {
  const overridden = { ...config, ...settings };
  const asked = isFlow(config) ? overFlow(config, overridden) : overridden;
  return isFlow(config) === isFlow(asked) ? asked : null;
}

function samples(config: SchedulerConfig, settings: SchedulerConfig): boolean {
  const asked = taken(config, settings);
  if (!asked) return false;
  try {
    openScheduler(asked);
    return true;
  } catch (fault) {
    // Karras' sigmas over those of flow matching, for one.
    if (fault instanceof RangeError) return false;
    throw fault;
  }
}

/** The multistep solvers walk the levels of flow matching, too, when they are told to. */
function overFlow(config: SchedulerConfig, asked: SchedulerConfig): SchedulerConfig {
  if (!/^(DPMSolver|UniPC)Multistep/.test(String(asked._class_name)) || config.use_dynamic_shifting) return asked;
  return { ...asked, use_flow_sigmas: true, prediction_type: 'flow_prediction', flow_shift: config.shift ?? 1 };
}
