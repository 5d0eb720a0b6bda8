// A pipeline folder's scheduler_config.json becomes the scheduler that it names, or the one that a request asks for.
import { join } from 'node:path';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';
import { pipelineClass } from './pipeline-class.ts';
import { readJson } from './read-json.ts';
import { correctedFor } from './schedulers/corrected.ts';
import { openScheduler, withScheduler } from './schedulers/open-scheduler.ts';
import type { Scheduler } from './schedulers/scheduler.ts';

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
 * @param folder the pipeline's, with model_index.json and scheduler/scheduler_config.json
 * @throws EngineFault `load_failed` that names the file and the setting
 */
export async function loadScheduler(folder: string): Promise<Schedulers> {
  const [file, indexFile] = [join(folder, 'scheduler', 'scheduler_config.json'), join(folder, 'model_index.json')];
  const [given, index] = [await readJson(file), await readJson(indexFile)];
  const config = correctedFor(pipelineClass(index), given);
  const own = open(() => openScheduler(config), 'load_failed', `${file}: `);
  requireSameClass({ file, given }, { file: indexFile, given: index });
  return {
    config,
    choose: (name) =>
      name === undefined ? own : open(() => openScheduler(withScheduler(config, name)), 'invalid_request', ''),
  };
}

/** The reference takes the class that the pipeline names, over the one that stands in the scheduler's own file. */
function requireSameClass(scheduler: JsonFile, index: JsonFile): void {
  const { _class_name: own } = scheduler.given;
  const named: unknown = Array.isArray(index.given.scheduler) ? index.given.scheduler[1] : undefined;
  if (typeof named !== 'string' || typeof own !== 'string' || named === own) return;
  throw new EngineFault(
    'load_failed',
    `${scheduler.file}: _class_name is ${own}, and ${index.file} names ${named}; make them equal`,
  );
}

interface JsonFile {
  readonly file: string;
  readonly given: Readonly<Record<string, unknown>>;
}

function open(make: () => Scheduler, code: 'load_failed' | 'invalid_request', where: string): Scheduler {
  try {
    return make();
  } catch (cause) {
    throw new EngineFault(code, `${where}${messageOf(cause)}`, { cause });
  }
}
