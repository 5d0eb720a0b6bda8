import type { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import { printGate } from '../../shared/gates.ts';
import type { StartRolloutBody } from '../../shared/http-api.ts';
import { newId } from '../../shared/ids.ts';
import { planRollout, readRequest } from '../rules/plan/plan-rollout.ts';
import * as audit from '../store/audit.ts';
import * as benchRuns from '../store/bench-runs.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import * as versions from '../store/versions.ts';
import type { World } from '../store/world.ts';

/**
 * Freezes the targets, their waves and variants. Nothing is told to a device yet: the tick starts the first wave.
 *
 * @returns the rollout's id
 */
export async function startRollout(
  { store, clock, randomness }: World,
  request: z.infer<typeof StartRolloutBody> & { actor: string },
): Promise<string> {
  const read = readRequest(request);
  if (read.kind === 'unreadable')
    throw new StillError('invalid_input', 'the rollout cannot be read', { problems: read.problems });
  const { model, version, to, variant, onFailure, approval, waveDeadlineMs, actor } = request;
  const atMs = clock.now();
  const rolloutId = newId('rol', atMs, randomness.bytes);
  return store.write(async (tx) => {
    const published = await versions.find(tx, model, version);
    if (!published) throw new StillError('not_found', `${model}@${version} is not published`);
    const { manifest, versionDigest } = published;
    const evidence = await benchRuns.evidenceByClass(tx, versionDigest);
    const plan = planRollout(read, { to, manifest, versionDigest, variant, evidence, devices: await devices.list(tx) });
    if (plan.kind === 'refused') throw new StillError('unprocessable', plan.message, { problems: [{ ...plan }] });
    const targets = plan.targets.map(({ device, wave, ...choice }) => {
      if (choice.variant === null)
        throw new StillError('unprocessable', `no variant of ${model}@${version} fits ${device.name}: ${choice.why}`, {
          problems: [{ field: 'to', message: `leave ${device.name} out, or publish a variant that it can run` }],
        });
      return { deviceId: device.deviceId, waveIndex: wave, variant: choice.variant, why: choice.why };
    });
    await refuseConflict(tx, model, plan.targets);
    const gates = read.gates.map(printGate);
    const explanation = `${targets.length} devices in ${plan.waveCount} waves`;
    await rollouts.insert(tx, {
      ...{ rolloutId, model, version, versionDigest, gates, onFailure, approval, waveDeadlineMs, explanation },
      ...{ selector: to, startedAtMs: atMs, startedBy: actor },
    });
    await rolloutWaves.insert(tx, rolloutId, plan.waveCount);
    await rolloutTargets.insert(tx, rolloutId, targets);
    const details = { model, version, to, gates, waves: request.waves };
    await audit.append(tx, { atMs, actor, action: 'start-rollout', subject: rolloutId, details });
    return rolloutId;
  });
}

/** Two rollouts never fight over a device. */
async function refuseConflict(
  tx: Db,
  model: string,
  targets: readonly { device: { deviceId: string; name: string } }[],
): Promise<void> {
  const names = new Map(targets.map(({ device }) => [device.deviceId, device.name]));
  const [first, ...more] = await rollouts.openOver(tx, model, [...names.keys()]);
  if (!first) return;
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  throw new StillError(
    'conflict',
    `${names.get(first.deviceId)}${others} already belongs to rollout ${first.rolloutId} of ${model}@${first.version}, ` +
      `started by ${first.startedBy} at ${new Date(first.startedAtMs).toISOString()}; wait for it, or abort it first`,
  );
}
