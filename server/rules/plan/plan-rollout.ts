// What a rollout would do: who, in which wave, with which variant and why. Every mistake of the request is told at once,
// with the field that holds it.
import type { BenchMode } from '../../../shared/bench.ts';
import type { Problem } from '../../../shared/errors.ts';
import { type Gate, parseGate, printGate } from '../../../shared/gates.ts';
import type { Inventory } from '../../../shared/inventory.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import { matches, parseSelector, type Selectable, type Selector } from '../../../shared/targets.ts';
import { orderTargets } from './order-targets.ts';
import { chooseVariant, type VariantChoice, type VariantEvidence } from './variants.ts';
import { type Cut, cutWaves, parseWaves } from './waves.ts';

export interface RolloutRequest {
  readonly to: string;
  readonly waves: readonly string[];
  readonly gates: readonly string[];
  readonly variant?: string | undefined;
}

export interface ReadRequest {
  readonly selector: Selector;
  readonly cuts: readonly Cut[];
  /** With `failures<=0` where the request has no gate on failures. */
  readonly gates: readonly Gate[];
}

export type ReadOutcome =
  | ({ readonly kind: 'request' } & ReadRequest)
  | { readonly kind: 'unreadable'; readonly problems: readonly Problem[] };

export function readRequest({ to, waves, gates }: RolloutRequest): ReadOutcome {
  const problems: Problem[] = [];
  const selector = parseSelector(to);
  if (selector.kind === 'unreadable') problems.push({ field: 'to', message: selector.message });
  const cuts = parseWaves(waves);
  if (cuts.kind === 'unreadable') problems.push({ field: 'waves', message: cuts.message });
  const parsed: Gate[] = [];
  for (const [index, text] of gates.entries()) {
    const gate = parseGate(text);
    if (gate.kind === 'gate') parsed.push(gate.gate);
    else problems.push({ field: `gates.${index}`, message: gate.message });
  }
  if (selector.kind === 'unreadable' || cuts.kind === 'unreadable' || problems.length > 0)
    return { kind: 'unreadable', problems };
  if (!parsed.some(({ metric }) => metric === 'failures'))
    parsed.push({ metric: 'failures', operator: '<=', limit: 0, relative: false });
  return { kind: 'request', selector: selector.selector, cuts: cuts.cuts, gates: parsed };
}

export interface PlannedDevice extends Selectable {
  readonly deviceId: string;
  readonly online: boolean;
  readonly inventory: Inventory | null;
}

export interface PlannedTarget<D> extends VariantChoice {
  readonly device: D;
  readonly wave: number;
}

export type PlanOutcome<D> =
  | { readonly kind: 'plan'; readonly waveCount: number; readonly targets: readonly PlannedTarget<D>[] }
  | { readonly kind: 'refused'; readonly message: string; readonly field: string };

export function planRollout<D extends PlannedDevice>(
  { selector, cuts, gates }: ReadRequest,
  facts: {
    readonly to: string;
    readonly manifest: Manifest;
    readonly versionDigest: string;
    readonly devices: readonly D[];
    readonly evidence: readonly VariantEvidence[];
    readonly variant?: string | undefined;
  },
): PlanOutcome<D> {
  const { to, manifest, versionDigest, devices, evidence, variant } = facts;
  const ref = `${manifest.model}@${manifest.version}`;
  const strangers =
    selector.kind === 'names' ? selector.names.filter((name) => !devices.some((one) => one.name === name)) : [];
  if (strangers.length > 0)
    return refused('to', `no device is named ${strangers.map((name) => `"${name}"`).join(', ')}`);
  const chosen = orderTargets(
    selector,
    devices.filter((device) => matches(selector, device)),
    versionDigest,
  );
  if (chosen.length === 0) return refused('to', `no device matches "${to}"; see "still devices" for names and labels`);
  const unmeasurable = gates.find(({ metric }) => metric === 'quality' && !manifest.evaluation);
  if (unmeasurable)
    return refused(
      'gates',
      `${printGate(unmeasurable)}: ${ref} has no evaluation set, so its quality cannot be measured`,
    );
  const waves = cutWaves(cuts, chosen.length);
  if (waves.kind === 'incomplete') return refused('waves', waves.message);
  const waveOf = waves.sizes.flatMap((size, wave) => Array<number>(size).fill(wave));
  const targets = chosen.map((device, index) => ({
    device,
    wave: waveOf[index] ?? 0,
    ...chooseVariant({
      manifest,
      evidence,
      wanted: variant,
      deviceClass: device.deviceClass,
      inventory: device.inventory,
    }),
  }));
  return { kind: 'plan', waveCount: waves.sizes.length, targets };
}

const refused = (field: string, message: string) => ({ kind: 'refused', field, message }) as const;

/** The bench after each installation: long enough for every percentile that a gate asks for. */
export function probeFor(gates: readonly Gate[]): BenchMode {
  return gates.some(({ metric }) => metric === 'latency.p90') ? 'rapid' : 'probe';
}
