// A pipeline folder's scheduler_config.json becomes the scheduler that it names, or the one that a request asks for.
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';
import { readJson } from './read-json.ts';
import { openScheduler, withScheduler } from './schedulers/open-scheduler.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { SchedulerConfig } from './schedulers/settings.ts';

export interface Schedulers {
  /**
   * @param name what a request asks for; left out, the folder's own
   * @throws EngineFault `invalid_request`
   */
  choose(name: string | undefined): Scheduler;
  /** The folder's settings. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * @param asPipeline what the reference's pipeline makes of the settings when it is given them
 * @throws EngineFault `load_failed` that names the file and the setting
 */
export async function loadScheduler(
  file: string,
  asPipeline: (config: SchedulerConfig) => SchedulerConfig = (config) => config,
): Promise<Schedulers> {
  const config = asPipeline(await readJson(file));
  const own = open(() => openScheduler(config), 'load_failed', `${file}: `);
  return {
    config,
    choose: (name) =>
      name === undefined ? own : open(() => openScheduler(withScheduler(config, name)), 'invalid_request', ''),
  };
}

function open(make: () => Scheduler, code: 'load_failed' | 'invalid_request', where: string): Scheduler {
  try {
    return make();
  } catch (cause) {
    throw new EngineFault(code, `${where}${messageOf(cause)}`, { cause });
  }
}
