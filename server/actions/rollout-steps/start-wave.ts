import { plural } from '../../../shared/plural.ts';
import type { Db } from '../../store/database.ts';
import * as decisions from '../../store/decisions.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import { membersOf, type Situation } from './situation.ts';

/** From here on devices of the wave may begin, and its deadline runs. */
export async function startWave(
  tx: Db,
  { rollout, facts: { nowMs }, standings }: Situation,
  wave: number,
): Promise<void> {
  const { rolloutId, waveDeadlineMs } = rollout;
  const deadlineMs = nowMs + waveDeadlineMs;
  await rolloutWaves.update(tx, rolloutId, wave, nowMs, { state: 'RUNNING', startedAtMs: nowMs, deadlineMs });
  const members = membersOf(standings, wave);
  await decisions.append(tx, {
    ...{ rolloutId, atMs: nowMs, actor: decisions.SERVER, kind: 'start-wave', wave },
    explanation: `wave ${wave + 1} begins: ${plural(members.length, 'device')}, until ${new Date(deadlineMs).toISOString()}`,
    evidence: { devices: members.map(({ device }) => device) },
  });
}
