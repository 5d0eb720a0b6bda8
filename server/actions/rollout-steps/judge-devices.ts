import type { DeviceEvidence, Run } from '../../../shared/evidence.ts';
import type { GateVerdict } from '../../../shared/gates.ts';
import { judge, type Need, runsBehind } from '../../../shared/judge.ts';
import { runOf } from '../../rules/evidence.ts';
import { outcomeOf, retryAtMs } from '../../rules/rollout/facts.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import type * as rolloutTargets from '../../store/rollout-targets.ts';
import * as versions from '../../store/versions.ts';
import type { Situation } from './situation.ts';

/** Runs that a verdict looks at; more would be older than the version's life on the device anyway. */
const RUNS_READ = 16;

export interface Judged {
  readonly verdicts: readonly GateVerdict[];
  readonly needs: readonly Need[];
  readonly evaluationPrompts: number;
  /** Device → the bench runs behind the verdicts. */
  readonly runs: Readonly<Record<string, readonly string[]>>;
}

/**
 * The verdict of each gate over those of the devices that have ended and will not try again.
 *
 * @param failuresOver the devices whose failures are counted, where those are others
 */
export async function judgeDevices(
  tx: Db,
  situation: Situation,
  members: readonly rolloutTargets.TargetStanding[],
  failuresOver: readonly rolloutTargets.TargetStanding[] = members,
): Promise<Judged> {
  const { rollout, gates } = situation;
  const manifest = (await versions.byDigest(tx, rollout.versionDigest))?.manifest;
  const options = { confidence: rollout.confidence, evaluationPrompts: manifest?.evaluation?.prompts ?? 0 };
  const evidence = await evidenceOf(tx, situation, members);
  const outcomes = failuresOver === members ? evidence : await evidenceOf(tx, situation, failuresOver, false);
  const judgements = gates.map((gate) => judge(gate, gate.metric === 'failures' ? outcomes : evidence, options));
  return {
    verdicts: judgements.map(({ verdict }) => verdict),
    needs: judgements.flatMap(({ needs }) => needs),
    evaluationPrompts: options.evaluationPrompts,
    runs: runsBehind(evidence),
  };
}

async function evidenceOf(
  tx: Db,
  { rollout, facts, comparedWith }: Situation,
  members: readonly rolloutTargets.TargetStanding[],
  withRuns = true,
): Promise<DeviceEvidence[]> {
  const targets = new Map(facts.targets.map((target) => [target.deviceId, target]));
  const evidence: DeviceEvidence[] = [];
  for (const { deviceId, device, deviceClass, installation, variant } of members) {
    const before = comparedWith.get(deviceId) ?? null;
    const outcome = installation && outcomeOf(installation.state);
    const target = targets.get(deviceId);
    if (!installation || !outcome || outcome === 'open' || !target || retryAtMs(target, facts) !== null) continue;
    const { versionDigest } = rollout;
    const read = async (of: { versionDigest: string; variant: string }, sinceMs: number): Promise<Run[]> => {
      if (!withRuns || outcome !== 'committed') return [];
      const runs = await benchRuns.ofDevice(tx, { deviceId, ...of, sinceMs, limit: RUNS_READ });
      return runs.map((run) => runOf(run.benchRunId, run.receivedAtMs, run.result));
    };
    evidence.push({
      ...{ device, deviceClass, outcome },
      runs: await read({ versionDigest, variant }, installation.createdAtMs),
      before: before && { version: before.version, runs: await read(before, 0) },
    });
  }
  return evidence;
}
