// The first start: a token becomes this device's own credential, which every later start finds on the disk.
import type { Clock, Randomness } from '../shared/clock.ts';
import { StillError } from '../shared/errors.ts';
import type { Inventory } from '../shared/inventory.ts';
import { timings } from '../shared/limits.ts';
import type { Config } from './config.ts';
import { backoffMs } from './rules/backoff.ts';
import { sleep } from './sleep.ts';
import { type Credential, readCredential, writeCredential } from './store/credential.ts';

export interface EnrolmentMeans {
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: (line: string) => void;
  readonly inventory: () => Promise<Inventory>;
  readonly signal: AbortSignal;
}

/** @returns null when the signal ended it. @throws StillError when the server refuses, or a token or name is missing */
export async function enrolmentOf(config: Config, means: EnrolmentMeans): Promise<Credential | null> {
  const known = readCredential(config.folder);
  if (!known) return enrolNow(config, means);
  if (config.name !== null && config.name !== known.name)
    throw new StillError(
      'conflict',
      `${config.folder} belongs to the device "${known.name}", not to "${config.name}"; leave --name out, or give the other device a folder of its own with --data`,
    );
  if (config.token !== null) means.log(`already enrolled as ${known.name}: the token is not used`);
  return known;
}

async function enrolNow(config: Config, means: EnrolmentMeans): Promise<Credential | null> {
  const { server, token, name, folder, labels } = config;
  const { clock, randomness, log, signal } = means;
  if (token === null || name === null)
    throw new StillError(
      'invalid_input',
      `${folder} is not enrolled yet: ${token === null ? '--token' : '--name'} is needed at the first start ("still token create" on the server makes a token)`,
    );
  // An agent that is enrolled already needs none of this.
  const { enrol } = await import('./transfer/enrol.ts');
  const request = { token, name, labels: { ...labels }, inventory: await means.inventory() };
  for (let failures = 0; !signal.aborted; failures++) {
    const enrolment = await enrol({ server, credential: null, clock }, request, signal);
    if (enrolment.kind === 'enrolled') {
      const { deviceId, credential, mqtt } = enrolment.answer;
      writeCredential(folder, { deviceId, name, credential, mqtt });
      log(`enrolled as ${name} (${deviceId})`);
      return { deviceId, name, credential, mqtt };
    }
    if (enrolment.kind === 'refused')
      throw new StillError('forbidden', `${server.href} refuses to enrol "${name}": ${enrolment.message}`);
    if (signal.aborted) break;
    if (failures === 0) log(`${server.href} cannot be reached (${enrolment.message}); trying again until it can`);
    const bounds = { baseMs: timings.reconnectBaseMs, maxMs: timings.reconnectMaxMs };
    await sleep(clock, backoffMs(failures, randomness.uniform(), bounds), signal);
  }
  return null;
}
