import { type DeviceEvidence, type GateVerdict, judge } from '../../../shared/gates.ts';
import { measurementOf } from '../../rules/evidence.ts';
import { outcomeOf } from '../../rules/rollout/facts.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import type * as rolloutTargets from '../../store/rollout-targets.ts';
import type { Situation } from './situation.ts';

/** The verdict of each gate over those of the devices that have ended. */
export async function judgeDevices(
  tx: Db,
  { rollout, gates }: Situation,
  members: readonly rolloutTargets.TargetStanding[],
): Promise<GateVerdict[]> {
  const evidence: DeviceEvidence[] = [];
  for (const { deviceId, device, deviceClass, installation, variant, before } of members) {
    const outcome = installation && outcomeOf(installation.state);
    if (!installation || !outcome || outcome === 'open') continue;
    const sinceMs = installation.createdAtMs;
    const { versionDigest } = rollout;
    const measured = await benchRuns.newest(tx, { deviceId, versionDigest, variant, sinceMs });
    const earlier = before && (await benchRuns.newest(tx, { deviceId, ...before, beforeMs: sinceMs }));
    evidence.push({
      ...{ device, deviceClass, outcome },
      measured: measured && measurementOf(measured),
      before: earlier && measurementOf(earlier),
    });
  }
  return gates.map((gate) => judge(gate, evidence));
}
