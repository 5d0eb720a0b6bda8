// A dynamic rollout also takes devices that come to match: they join its last wave.
import { parseTarget } from '../../shared/targets.ts';
import { newcomers } from '../rules/plan/newcomers.ts';
import { choiceFor } from '../rules/plan/plan-rollout.ts';
import * as benchRuns from '../store/bench-runs.ts';
import type { Db } from '../store/database.ts';
import * as decisions from '../store/decisions.ts';
import * as devices from '../store/devices.ts';
import * as groups from '../store/groups.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';
import { manifestsOn } from './rollout-steps/draw-plan.ts';

export async function takeInDevices({ store, clock }: World): Promise<void> {
  const atMs = clock.now();
  for (const rollout of await rollouts.open(store.db)) {
    const { state, dynamicUntilMs, lateHold } = rollout;
    if (
      dynamicUntilMs === null ||
      lateHold !== null ||
      atMs >= dynamicUntilMs ||
      (state !== 'RUNNING' && state !== 'PAUSED')
    )
      continue;
    if ((await fitting(store.db, rollout)).length === 0) continue;
    await store.write(async (tx) => {
      const found = await fitting(tx, rollout);
      if (found.length > 0) await takeIn(tx, rollout, found, atMs);
    });
  }
}

type Newcomer = { readonly device: devices.Device; readonly variant: string; readonly why: string };

async function fitting(db: Db, rollout: rollouts.Rollout): Promise<Newcomer[]> {
  const parsed = parseTarget(rollout.selector);
  const version = await versions.byDigest(db, rollout.versionDigest);
  if (parsed.kind === 'unreadable' || !version) return [];
  const fleet = await devices.list(db);
  const known = new Set((await rolloutTargets.standingsOf(db, rollout)).map(({ deviceId }) => deviceId));
  const selector = await groups.selectorOf(db, parsed.target.of);
  const candidates = newcomers(selector, fleet, known);
  if (candidates.length === 0) return [];
  const ids = candidates.map(({ deviceId }) => deviceId);
  const held = new Set((await rollouts.openOver(db, rollout, ids)).map(({ deviceId }) => deviceId));
  const facts = {
    evidence: await benchRuns.evidenceByClass(db, rollout.versionDigest),
    manifests: await manifestsOn(db, candidates),
    variant: rollout.wantedVariant ?? undefined,
  };
  return candidates
    .filter(({ deviceId }) => !held.has(deviceId))
    .flatMap((device) => {
      const { variant, why } = choiceFor(device, version.manifest, facts);
      return variant === null ? [] : [{ device, variant, why }];
    });
}

async function takeIn(tx: Db, rollout: rollouts.Rollout, found: readonly Newcomer[], atMs: number): Promise<void> {
  const { rolloutId } = rollout;
  const last = (await rolloutWaves.of(tx, rolloutId)).length - 1;
  const targets = found.map(({ device, variant, why }) => ({
    deviceId: device.deviceId,
    waveIndex: last,
    variant,
    why,
  }));
  await rolloutTargets.insert(tx, rolloutId, targets);
  await rolloutTargets.take(
    tx,
    rollout,
    targets.map(({ deviceId }) => deviceId),
  );
  const names = found.map(({ device }) => device.name);
  await decisions.append(tx, {
    ...{ rolloutId, atMs, actor: decisions.SERVER, kind: 'take-in', wave: last },
    explanation: `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''} came to match ${rollout.selector}`,
    evidence: { devices: names },
  });
  await rollouts.tell(tx, rolloutId, atMs, { takenIn: names });
}
