// Rollouts as the API shows them.
import type { z } from 'zod';
import type { RolloutView, WaveView } from '../../shared/http-api.ts';
import { type InstallationState, isFailure } from '../../shared/installation.ts';
import type { Db } from './database.ts';
import { viewInstallation } from './installation-view.ts';
import * as installations from './installations.ts';
import * as rolloutTargets from './rollout-targets.ts';
import * as rolloutWaves from './rollout-waves.ts';
import type * as rollouts from './rollouts.ts';
import { viewShadows } from './shadow-views.ts';

export async function viewRollout(db: Db, rollout: rollouts.Rollout): Promise<RolloutView> {
  const waves = await rolloutWaves.of(db, rollout.rolloutId);
  const standings = await rolloutTargets.standingsOf(db, rollout);
  const shadows = await viewShadows(db, shadowsOf(rollout, standings));
  const names = new Map(standings.map(({ deviceId, device }) => [deviceId, device]));
  const { rolloutId, model, version, versionDigest, selector, state, startedAtMs, endedAtMs, startedBy } = rollout;
  return {
    ...{ rolloutId, model, version, versionDigest, selector, state, startedAtMs, endedAtMs, startedBy },
    ...{ confidence: rollout.confidence, pace: rollout.pace, retries: rollout.retries, priority: rollout.priority },
    ...{
      dynamicUntilMs: rollout.dynamicUntilMs,
      lateHold: rollout.lateHold,
      revision: rollout.revision,
      changedBy: rollout.changedBy,
    },
    ...{ changedWhat: rollout.changedWhat, changedAtMs: rollout.changedAtMs },
    role: rollout.role,
    // What was promoted is current, and keeps what was compared before.
    shadows: shadows.filter(({ pairs }) => rollout.role === 'shadow' || pairs > 0),
    gates: [...rollout.gates],
    explanation: rollout.explanation,
    waves: waves.map((wave) => viewWave(wave, standings)),
    installations: (await installations.ofRollout(db, rolloutId)).map((installation) =>
      viewInstallation(installation, names.get(installation.deviceId) ?? ''),
    ),
  };
}

/** Those of a rollout of shadows that run, and what was promoted from it. */
const shadowsOf = ({ model, version }: rollouts.Rollout, standings: readonly rolloutTargets.TargetStanding[]) =>
  standings.flatMap(({ device, installationId, installation }) =>
    installationId !== null && installation?.state === 'COMMITTED' ? [{ device, model, version, installationId }] : [],
  );

function viewWave(
  wave: rolloutWaves.Wave,
  standings: readonly rolloutTargets.TargetStanding[],
): z.infer<typeof WaveView> {
  const all = standings.filter(({ waveIndex }) => waveIndex === wave.index);
  // What it has begun stays its own, though a later rollout has the device now.
  const members = all.filter(({ takenBy, installationId }) => takenBy === null || installationId !== null);
  const count = (holds: (state: InstallationState) => boolean) =>
    members.filter(({ installation }) => installation !== null && holds(installation.state)).length;
  return {
    index: wave.index,
    state: wave.state,
    devices: members.map(({ device }) => device),
    attempted: count(() => true),
    contacted: members.filter(({ installation }) => installation?.contacted).length,
    committed: count((state) => state === 'COMMITTED'),
    failed: count(isFailure),
    total: members.length,
    taken: all.flatMap(({ device, takenBy, installationId }) =>
      takenBy !== null && installationId === null ? [{ device, by: takenBy }] : [],
    ),
    gates: [...wave.verdicts],
  };
}
