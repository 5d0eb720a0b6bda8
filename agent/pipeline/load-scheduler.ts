// A pipeline folder's scheduler_config.json becomes the scheduler that it names.
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';
import { type FlowMatchEuler, flowMatchEuler } from './flow-match-euler.ts';
import { readJson } from './read-json.ts';

/** @throws EngineFault `load_failed` that names the file and the setting */
export async function loadScheduler(file: string): Promise<FlowMatchEuler> {
  const config = await readJson(file);
  try {
    return flowMatchEuler(config);
  } catch (cause) {
    throw new EngineFault('load_failed', `${file}: ${messageOf(cause)}`, { cause });
  }
}
