import type { z } from 'zod';
import { StillError } from '../../../shared/errors.ts';
import type { StartRolloutBody } from '../../../shared/http-api.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import { type Conflict, conflictsOf, type OtherRollout } from '../../rules/plan/conflicts.ts';
import { type PlannedTarget, planRollout, type ReadRequest, readRequest } from '../../rules/plan/plan-rollout.ts';
import * as benchRuns from '../../store/bench-runs.ts';
import type { Db } from '../../store/database.ts';
import * as devices from '../../store/devices.ts';
import * as groups from '../../store/groups.ts';
import * as rollouts from '../../store/rollouts.ts';
import * as versions from '../../store/versions.ts';

export interface Plan extends ReadRequest {
  readonly manifest: Manifest;
  readonly versionDigest: string;
  readonly waveCount: number;
  readonly targets: readonly PlannedTarget<devices.Device>[];
  readonly conflicts: readonly Conflict[];
}

/**
 * Reads the request and what it meets.
 *
 * @throws StillError that names every part which cannot be read, or the reason for which it is refused
 */
export async function drawPlan(db: Db, request: z.infer<typeof StartRolloutBody>, nowMs: number): Promise<Plan> {
  const read = readRequest(request);
  if (read.kind === 'unreadable')
    throw new StillError('invalid_input', 'the rollout cannot be read', { problems: read.problems });
  const { model, version, to, variant, priority, supersede, shadow } = request;
  const { manifest, versionDigest } = await versions.get(db, { model, version });
  const fleet = await devices.list(db);
  const planned = planRollout(read, {
    ...{ to, manifest, versionDigest, variant, shadow, devices: fleet, nowMs },
    selector: await groups.selectorOf(db, read.target.of),
    evidence: await benchRuns.evidenceByClass(db, versionDigest),
    manifests: await manifestsOn(db, fleet),
  });
  if (planned.kind === 'refused')
    throw new StillError('unprocessable', planned.message, { problems: [{ ...planned }] });
  const { waveCount, targets } = planned;
  const conflicts = conflictsOf(await othersOver(db, { model, role: shadow ? 'shadow' : 'current' }, targets), {
    priority,
    supersede,
  });
  return { ...read, manifest, versionDigest, waveCount, targets, conflicts };
}

/** Digest → manifest of everything that devices run. */
export async function manifestsOn(db: Db, fleet: readonly devices.Device[]): Promise<Map<string, Manifest>> {
  const digests = new Set(fleet.flatMap(({ running }) => running.map(({ versionDigest }) => versionDigest)));
  const found = new Map<string, Manifest>();
  for (const digest of digests) {
    const version = await versions.byDigest(db, digest);
    if (version) found.set(digest, version.manifest);
  }
  return found;
}

async function othersOver(
  db: Db,
  of: Pick<rollouts.Rollout, 'model' | 'role'>,
  targets: readonly { device: { deviceId: string; name: string } }[],
): Promise<OtherRollout[]> {
  const names = new Map(targets.map(({ device }) => [device.deviceId, device.name]));
  const held = await rollouts.openOver(db, of, [...names.keys()]);
  return [...Map.groupBy(held, ({ rolloutId }) => rolloutId).values()].flatMap((rows) => {
    const [first] = rows;
    return first ? [{ ...first, devices: rows.map(({ deviceId }) => names.get(deviceId) ?? '') }] : [];
  });
}
