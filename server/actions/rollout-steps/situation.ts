// An open rollout as it stands, read in one go: what the decision needs, and what carrying it out needs.
import { type Gate, parseGate } from '../../../shared/gates.ts';
import { outcomeOf, type RolloutFacts } from '../../rules/rollout/facts.ts';
import type { Db } from '../../store/database.ts';
import * as rolloutTargets from '../../store/rollout-targets.ts';
import * as rolloutWaves from '../../store/rollout-waves.ts';
import * as rollouts from '../../store/rollouts.ts';

export interface Situation {
  readonly rollout: rollouts.Rollout;
  readonly waves: readonly rolloutWaves.Wave[];
  readonly standings: readonly rolloutTargets.TargetStanding[];
  readonly gates: readonly Gate[];
  readonly facts: RolloutFacts;
}

export async function look(db: Db, rolloutId: string, nowMs: number): Promise<Situation> {
  const rollout = await rollouts.find(db, rolloutId);
  if (!rollout) throw new Error(`rollout ${rolloutId} is gone`);
  const waves = await rolloutWaves.of(db, rolloutId);
  const standings = await rolloutTargets.standingsOf(db, rollout);
  const gates = rollout.gates.map(readGate);
  const failures = gates
    .filter(({ metric }) => metric === 'failures')
    .map(({ operator, limit }) => (operator === '<' ? limit - 1 : limit));
  const facts: RolloutFacts = {
    nowMs,
    state: rollout.state,
    waves,
    targets: standings.map((standing) => ({
      ...standing,
      wave: standing.waveIndex,
      isBack: isBack(standing, rollout.model),
      isNamed: standing.installationId !== null && standing.desiredInstallationId === standing.installationId,
      canReinstall: standing.before !== null && standing.desiredInstallationId === standing.before.installationId,
    })),
    failuresAllowed: Math.min(...failures),
    returningSinceMs: rollout.returningSinceMs,
  };
  return { rollout, waves, standings, gates, facts };
}

/** A gate that cannot be read stops everything: it was readable when it was stored. */
function readGate(text: string): Gate {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return parsed.gate;
}

function isBack({ running, before, installation }: rolloutTargets.TargetStanding, model: string): boolean {
  if (installation && outcomeOf(installation.state) === 'open') return false;
  const runs = running.find((one) => one.model === model && one.role === 'current');
  return runs?.versionDigest === before?.versionDigest && runs?.variant === before?.variant;
}

export const membersOf = (standings: readonly rolloutTargets.TargetStanding[], wave: number) =>
  standings.filter(({ waveIndex, revoked }) => waveIndex === wave && !revoked);
