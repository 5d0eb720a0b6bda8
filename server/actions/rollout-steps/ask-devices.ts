import { newId } from '../../../shared/ids.ts';
import { limits, timings } from '../../../shared/limits.ts';
import { plural } from '../../../shared/plural.ts';
import { measureAgain } from '../../rules/rollout/measure-again.ts';
import * as commands from '../../store/commands.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as jobs from '../../store/jobs.ts';
import type { World } from '../../store/world.ts';
import type { Judged } from './judge-devices.ts';
import { requesterOf, type Situation } from './situation.ts';

/** The evidence is not enough yet: asks those devices to measure again that may bring more. @returns how many */
export async function askDevices(
  { randomness }: World,
  tx: Db,
  { rollout, facts, standings, gates, asked, comparedWith }: Situation,
  { needs, evaluationPrompts }: Judged,
  wave: number,
): Promise<number> {
  const { rolloutId, model } = rollout;
  const { nowMs } = facts;
  const byName = new Map(standings.map((one) => [one.device, one]));
  const asks = measureAgain(needs, {
    ...{ gates, evaluationPrompts },
    isOnline: (device) => byName.get(device)?.online ?? false,
    askedOf: (device) => asked.get(byName.get(device)?.deviceId ?? '') ?? { asked: 0, open: 0 },
  });
  for (const { device, runs } of asks) {
    const standing = byName.get(device);
    if (!standing || (await jobs.openOf(tx, standing.deviceId)).length + runs.length > limits.jobsPerDevice) continue;
    const { deviceId } = standing;
    const before = comparedWith.get(deviceId);
    for (const { which, mode } of runs) {
      const { version, versionDigest } = which === 'before' && before ? before : rollout;
      const job = {
        ...{ jobId: newId('brn', nowMs, randomness.bytes), deviceId, kind: 'bench' as const },
        request: { mode, model, version, versionDigest },
        ...{ requestedAtMs: nowMs, requestedBy: requesterOf(rolloutId), deadlineMs: nowMs + timings.benchDeadlineMs },
      };
      await jobs.insert(tx, job);
      await commands.owe(tx, job, nowMs);
    }
  }
  if (asks.length > 0)
    await decisions.append(tx, {
      ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'measure-again', wave },
      explanation: `${plural(asks.length, 'device')} to measure again: ${asks
        .map(({ device }) => device)
        .slice(0, 5)
        .join(', ')}`,
      evidence: { asks },
    });
  return asks.length;
}
