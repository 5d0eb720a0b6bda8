// What a rollout would do: who, in which wave, with which variant and why. Every mistake of the request is told at once,
// with the field that holds it.
import type { BenchMode } from '../../../shared/bench.ts';
import type { Problem } from '../../../shared/errors.ts';
import { type Gate, isRelative, parseGate, printGate } from '../../../shared/gates.ts';
import type { Inventory } from '../../../shared/inventory.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import type { RunningModel } from '../../../shared/messages.ts';
import { parseTarget, type Selectable, type Selector, type Target } from '../../../shared/targets.ts';
import { windowState } from '../rollout/maintenance-window.ts';
import { orderTargets } from './order-targets.ts';
import { bytesToTravel } from './travel.ts';
import { chooseVariant, type VariantChoice, type VariantEvidence } from './variants.ts';
import { type Cut, cutWaves, parseWaves } from './waves.ts';

export interface RolloutRequest {
  readonly to: string;
  readonly waves: readonly string[];
  readonly gates: readonly string[];
  readonly dynamicForMs?: number | undefined;
}

export interface ReadRequest {
  readonly target: Target;
  readonly cuts: readonly Cut[];
  /** With `failures<=0` where the request has no gate on failures. */
  readonly gates: readonly Gate[];
}

export type ReadOutcome =
  | ({ readonly kind: 'request' } & ReadRequest)
  | { readonly kind: 'unreadable'; readonly problems: readonly Problem[] };

export function readRequest({ to, waves, gates, dynamicForMs }: RolloutRequest): ReadOutcome {
  const problems: Problem[] = [];
  const target = parseTarget(to);
  if (target.kind === 'unreadable') problems.push({ field: 'to', message: target.message });
  else if (dynamicForMs !== undefined && (target.target.percent !== null || target.target.of.kind === 'names'))
    problems.push({ field: 'to', message: `"${to}": names and shares are fixed, nothing comes to match them later` });
  const cuts = parseWaves(waves);
  if (cuts.kind === 'unreadable') problems.push({ field: 'waves', message: cuts.message });
  const parsed: Gate[] = [];
  for (const [index, text] of gates.entries()) {
    const gate = parseGate(text);
    if (gate.kind === 'gate') parsed.push(gate.gate);
    else problems.push({ field: `gates.${index}`, message: gate.message });
  }
  if (target.kind === 'unreadable' || cuts.kind === 'unreadable' || problems.length > 0)
    return { kind: 'unreadable', problems };
  if (!parsed.some(({ metric }) => metric === 'failures'))
    parsed.push({ metric: 'failures', operator: '<=', limit: 0, against: 'absolute' });
  return { kind: 'request', target: target.target, cuts: cuts.cuts, gates: parsed };
}

export interface PlannedDevice extends Selectable {
  readonly deviceId: string;
  readonly online: boolean;
  readonly inventory: Inventory | null;
  readonly running: readonly RunningModel[];
}

export interface PlannedChoice extends VariantChoice {
  /** To travel to the device. */
  readonly bytes: number;
}

export interface PlannedTarget<D> extends PlannedChoice {
  readonly device: D;
  readonly wave: number;
}

export type PlanOutcome<D> =
  | { readonly kind: 'plan'; readonly waveCount: number; readonly targets: readonly PlannedTarget<D>[] }
  | { readonly kind: 'refused'; readonly message: string; readonly field: string };

export interface PlanFacts<D> {
  /** As the operator wrote it. */
  readonly to: string;
  /** Of the target, with a group resolved. */
  readonly selector: Selector;
  readonly manifest: Manifest;
  readonly versionDigest: string;
  readonly devices: readonly D[];
  readonly evidence: readonly VariantEvidence[];
  readonly variant?: string | undefined;
  /** It is to run beside the current version. */
  readonly shadow: boolean;
  /** Digest → manifest of what devices run. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly nowMs: number;
}

export function planRollout<D extends PlannedDevice>(request: ReadRequest, facts: PlanFacts<D>): PlanOutcome<D> {
  const { target, cuts, gates } = request;
  const { to, selector, manifest, versionDigest, devices } = facts;
  const strangers =
    selector.kind === 'names' ? selector.names.filter((name) => !devices.some((one) => one.name === name)) : [];
  if (strangers.length > 0)
    return refused('to', `no device ${strangers.map((name) => `"${name}"`).join(', ')}; "still devices" lists them`);
  const chosen = orderTargets({ selector, percent: target.percent }, devices, versionDigest);
  if (chosen.length === 0) return refused('to', `no device matches "${to}"; "still devices" lists names and labels`);
  const unmeasurable = gateFault(gates, chosen, facts);
  if (unmeasurable) return refused('gates', unmeasurable);
  const alone = facts.shadow ? shadowFault(chosen, facts) : null;
  if (alone) return refused('to', alone);
  const shut = chosen.map(({ labels }) => windowState(labels, facts.nowMs)).find(({ kind }) => kind === 'unreadable');
  if (shut?.kind === 'unreadable') return refused('to', shut.message);
  const waves = cutWaves(cuts, chosen.length);
  if (waves.kind === 'incomplete') return refused('waves', waves.message);
  const waveOf = waves.sizes.flatMap((size, wave) => Array<number>(size).fill(wave));
  const targets = chosen.map((device, index) => ({
    device,
    wave: waveOf[index] ?? 0,
    ...choiceFor(device, manifest, facts),
  }));
  return { kind: 'plan', waveCount: waves.sizes.length, targets };
}

/** A shadow answers what another version answers, so there must be another one. */
function shadowFault<D extends PlannedDevice>(
  chosen: readonly D[],
  { manifest: { model, version }, versionDigest }: PlanFacts<D>,
): string | null {
  for (const { name, running } of chosen) {
    const current = running.find((one) => one.model === model && one.role === 'current');
    if (!current) return `${name} runs no ${model}, so there is nothing that ${version} could run beside`;
    if (current.versionDigest === versionDigest) return `${name} runs ${model}@${version} as its current version`;
  }
  return null;
}

/** The variant for one device, and what must travel to it. */
export function choiceFor<D extends PlannedDevice>(
  { deviceClass, inventory, running }: D,
  manifest: Manifest,
  { evidence, variant, manifests }: Pick<PlanFacts<D>, 'evidence' | 'variant' | 'manifests'>,
): PlannedChoice {
  const choice = chooseVariant({ manifest, evidence, wanted: variant, deviceClass, inventory });
  return { ...choice, bytes: bytesToTravel(manifest, choice.variant, running, manifests) };
}

/** A gate that these devices could never answer would hold the rollout until its deadline. */
function gateFault<D extends PlannedDevice>(
  gates: readonly Gate[],
  chosen: readonly D[],
  { manifest, manifests }: PlanFacts<D>,
): string | null {
  const { evaluation } = manifest;
  const gate = gates.find(({ metric }) => metric === 'quality');
  if (!gate) return null;
  if (!evaluation)
    return `${printGate(gate)}: ${manifest.model}@${manifest.version} has no evaluation set, so its quality cannot be measured`;
  const relative = gates.find((one) => one.metric === 'quality' && isRelative(one));
  if (!relative) return null;
  const own = setDigest(manifest);
  for (const { name, running } of chosen) {
    const runs = running.find((one) => one.model === manifest.model && one.role === 'current');
    const before = runs && manifests.get(runs.versionDigest);
    if (!before) continue;
    const earlier = `${before.model}@${before.version}, which ${name} runs`;
    if (!before.evaluation)
      return `${printGate(relative)}: ${earlier}, has no evaluation set, so there is no quality to compare with; use an absolute gate`;
    if (setDigest(before) !== own)
      return `${printGate(relative)}: ${earlier}, has another evaluation set, so their qualities cannot be compared prompt by prompt; use an absolute gate`;
  }
  return null;
}

const setDigest = ({ evaluation, artifacts }: Manifest): string | undefined =>
  artifacts.find(({ path }) => path === evaluation?.set)?.sha256;

const refused = (field: string, message: string) => ({ kind: 'refused', field, message }) as const;

/** The bench after each installation: long enough for every percentile that a gate asks for. */
export function probeFor(gates: readonly Gate[]): BenchMode {
  return gates.some(({ metric }) => metric === 'latency.p90') ? 'rapid' : 'probe';
}
