import type { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import { printGate } from '../../shared/gates.ts';
import type { StartRolloutBody } from '../../shared/http-api.ts';
import { newId } from '../../shared/ids.ts';
import { plural } from '../../shared/plural.ts';
import * as audit from '../store/audit.ts';
import type { Db } from '../store/database.ts';
import * as decisions from '../store/decisions.ts';
import * as rolloutTargets from '../store/rollout-targets.ts';
import * as rolloutWaves from '../store/rollout-waves.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { drawPlan, type Plan } from './rollout-steps/draw-plan.ts';
import { supersedeRollout } from './rollout-steps/supersede-rollout.ts';

/**
 * Freezes the targets, their waves and variants. Nothing is told to a device yet: the tick starts the first wave.
 *
 * @returns the rollout's id
 */
export async function startRollout(
  { store, clock, randomness }: World,
  request: z.infer<typeof StartRolloutBody> & { actor: string },
): Promise<string> {
  const { model, version, to, actor, dynamicForMs } = request;
  const role = request.shadow ? 'shadow' : 'current';
  const atMs = clock.now();
  const rolloutId = newId('rol', atMs, randomness.bytes);
  return store.write(async (tx) => {
    const plan = await drawPlan(tx, request, atMs);
    const refusal = plan.conflicts.find(({ remedy }) => remedy === null);
    if (refusal)
      throw new StillError('conflict', refusal.message, { problems: [{ field: 'to', message: refusal.message }] });
    const targets = chosenTargets(plan);
    const gates = plan.gates.map(printGate);
    const explanation = `${plural(targets.length, 'device')} in ${plural(plan.waveCount, 'wave')}`;
    const { onFailure, approval, waveDeadlineMs, confidence, pace, retries, priority } = request;
    await rollouts.insert(tx, {
      ...{ rolloutId, model, version, versionDigest: plan.versionDigest, gates, onFailure, approval, waveDeadlineMs },
      ...{ confidence, pace, retries, priority, explanation, selector: to, startedAtMs: atMs, startedBy: actor },
      dynamicUntilMs: dynamicForMs === undefined ? null : atMs + dynamicForMs,
      wantedVariant: request.variant ?? null,
      role,
    });
    await rolloutWaves.insert(tx, rolloutId, plan.waveCount);
    await rolloutTargets.insert(tx, rolloutId, targets);
    await takeOver(tx, plan, { rolloutId, role, atMs, actor });
    const details = { model, version, to, gates, waves: request.waves };
    await audit.append(tx, { atMs, actor, action: 'start-rollout', subject: rolloutId, details });
    await decisions.append(tx, {
      ...{ rolloutId, atMs, actor, kind: 'start', wave: null },
      explanation: `${model}@${version}${request.shadow ? ' as a shadow' : ''} to ${to}: ${explanation}`,
      evidence: { gates, confidence, conflicts: plan.conflicts.map(({ message }) => message) },
    });
    return rolloutId;
  });
}

function chosenTargets({ targets, manifest: { model, version } }: Plan) {
  const unfit = targets.filter(({ variant }) => variant === null);
  if (unfit.length > 0) {
    const classes = [...Map.groupBy(unfit, ({ device, why }) => `${device.deviceClass}\n${why}`).values()];
    throw new StillError(
      'unprocessable',
      `no variant of ${model}@${version} fits ${classes.map((same) => classText(same)).join('; ')}`,
      {
        problems: classes.map((same) => ({
          field: 'to',
          message: `leave ${same
            .map(({ device }) => device.name)
            .slice(0, 5)
            .join(', ')} out (class!=${same[0]?.device.deviceClass}), or name or publish a variant that fits`,
        })),
      },
    );
  }
  return targets.map(({ device, wave, variant, why }) => ({
    ...{ deviceId: device.deviceId, waveIndex: wave, variant: variant ?? '', why },
  }));
}

function classText(same: Plan['targets']): string {
  const [first, ...more] = same;
  if (!first) return '';
  const others = more.length > 0 ? ` and ${more.length} more` : '';
  return `${first.device.name}${others} (${first.device.deviceClass}): ${first.why}`;
}

/** From here on no other rollout of the model starts or judges anything on these devices. */
async function takeOver(
  tx: Db,
  { conflicts, targets, manifest }: Plan,
  by: { rolloutId: string; role: 'current' | 'shadow'; atMs: number; actor: string },
): Promise<void> {
  for (const { rolloutId, remedy } of conflicts)
    if (remedy === 'end') await supersedeRollout(tx, rolloutId, { ...by, version: manifest.version });
    else
      await decisions.append(tx, {
        ...{ rolloutId, atMs: by.atMs, actor: by.actor, kind: 'supersede', wave: null },
        explanation: `rollout ${by.rolloutId} of ${manifest.model}@${manifest.version} took devices over by priority`,
      });
  const deviceIds = targets.map(({ device }) => device.deviceId);
  await rolloutTargets.take(tx, { ...by, model: manifest.model }, deviceIds);
}
