// Which variant of a version a device gets, and why.
import { inferencePrecisionOf } from '../../../shared/inference-precision.ts';
import { instructionSetFault } from '../../../shared/instruction-set.ts';
import type { Inventory } from '../../../shared/inventory.ts';
import type { Manifest, Variant } from '../../../shared/manifest.ts';

/** What devices of one class measured for one variant. */
export interface VariantEvidence {
  readonly variant: string;
  readonly deviceClass: string;
  readonly latencyMsP50: number;
  readonly peakRssBytes: number;
  readonly quality: number | null;
  readonly runs: number;
}

export interface VariantChoice {
  /** Null when none fits. */
  readonly variant: string | null;
  readonly why: string;
  readonly predictedPeakBytes: number | null;
}

export interface VariantQuestion {
  readonly manifest: Manifest;
  readonly deviceClass: string;
  readonly inventory: Inventory | null;
  readonly evidence: readonly VariantEvidence[];
  /** The operator's own choice. */
  readonly wanted?: string | undefined;
}

/** Left to the system and to whatever else the device does. */
const MEMORY_SHARE = 0.8;
/** Score points that count as the same quality. */
const QUALITY_TOLERANCE = 0.1;
/** Small first where nothing was measured: bytes to send and memory are what small devices lack. */
const PREFERENCE = ['fp16', 'int8', 'int4', 'bf16', 'fp32'];

export function chooseVariant(question: VariantQuestion): VariantChoice {
  const { manifest, wanted } = question;
  const candidates = wanted ? manifest.variants.filter(({ name }) => name === wanted) : manifest.variants;
  if (candidates.length === 0)
    return none(
      `${manifest.model}@${manifest.version} has no variant "${wanted}"; it has ${manifest.variants.map(({ name }) => name).join(', ')}`,
    );
  const refusals = candidates.map((variant) => refusalOf(variant, question));
  const able = candidates.filter((_, index) => refusals[index] === null);
  if (able.length === 0) return none([...refusals, ...othersThatFit(question)].join('; '));
  // Parts in turn are slow: only where nothing fits whole.
  const whole = able.filter((variant) => fitsWhole(variant, question));
  const fitting = whole.length > 0 ? whole : able;
  if (wanted) return chosen(fitting[0] as Variant, 'named by the operator', question);
  return byMeasurement(fitting, question) ?? byRule(fitting, question);
}

/** What an operator may name in the place of what does not fit. */
function othersThatFit(question: VariantQuestion): string[] {
  const { manifest, wanted } = question;
  if (wanted === undefined) return [];
  const fitting = manifest.variants.filter((variant) => refusalOf(variant, question) === null);
  return fitting.length > 0 ? [`what fits is ${fitting.map(({ name }) => name).join(', ')}`] : [];
}

/** Why a variant cannot run there, with the numbers; null when it can. */
function refusalOf(variant: Variant, question: VariantQuestion): string | null {
  const { inventory } = question;
  if (!inventory) return null;
  if (!inventory.runtimes.some(({ runtime }) => runtime === variant.runtime)) {
    const has = inventory.runtimes.map(({ runtime }) => runtime).join(', ') || 'none';
    // ONNX Runtime comes with every agent.
    const remedy = variant.runtime === 'openvino' ? '; "still runtime install openvino" there brings it' : '';
    return `${variant.name} needs the runtime ${variant.runtime}, the device has ${has}${remedy}`;
  }
  const unsupported = instructionSetFault(variant, inventory);
  if (unsupported) return unsupported;
  const peak = predictedPeak(variant, question);
  const least = Math.min(peak, variant.inTurnPeakBytes ?? peak);
  const available = inventory.memoryBytes * MEMORY_SHARE;
  if (least <= available) return null;
  const needs = least < peak ? `${megabytes(least)} with one part held at a time` : megabytes(peak);
  return `${variant.name} needs ${needs}, the device can give ${megabytes(available)} of ${megabytes(inventory.memoryBytes)}`;
}

const fitsWhole = (variant: Variant, question: VariantQuestion): boolean =>
  !question.inventory || predictedPeak(variant, question) <= question.inventory.memoryBytes * MEMORY_SHARE;

/** The class's own history where there is one, else what the publisher measured. */
function predictedPeak(variant: Variant, { deviceClass, evidence }: VariantQuestion): number {
  const known = evidence.find((one) => one.deviceClass === deviceClass && one.variant === variant.name);
  return known?.peakRssBytes ?? variant.measured.peakRssBytes;
}

interface Measured {
  readonly variant: Variant;
  readonly known: VariantEvidence;
}

/**
 * From the Pareto front of latency, memory and quality on this class of device: the fastest of those that are as good as
 * the best. What was not measured there is left out, and named.
 */
function byMeasurement(fitting: readonly Variant[], question: VariantQuestion): VariantChoice | null {
  const { deviceClass, evidence } = question;
  const measured = fitting.flatMap((variant) => {
    const known = evidence.find((one) => one.deviceClass === deviceClass && one.variant === variant.name);
    return known ? [{ variant, known }] : [];
  });
  if (measured.length === 0) return null;
  const front = measured.filter((one) => !measured.some((other) => dominates(other.known, one.known)));
  const best = Math.max(...front.map(({ known }) => known.quality ?? 0));
  const good = front.filter(({ known }) => (known.quality ?? 0) >= best - QUALITY_TOLERANCE);
  const fastest = good.toSorted((a, b) => a.known.latencyMsP50 - b.known.latencyMsP50)[0];
  if (!fastest) return null;
  const others = measured.filter((one) => one !== fastest);
  const unmeasured = fitting.filter((variant) => !measured.some((one) => one.variant === variant));
  const parts = [
    `measured on ${deviceClass}: ${figures(fastest)} (${fastest.known.runs} runs)`,
    ...others.map((one) => `${one.variant.name} ${figures(one)}${front.includes(one) ? '' : ', worse in every way'}`),
    ...(unmeasured.length > 0
      ? [`not measured there: ${unmeasured.map(({ name }) => name).join(', ')} (--variant brings one)`]
      : []),
  ];
  return chosen(fastest.variant, parts.join('; '), question);
}

/** At least as good in everything, and better in something. */
function dominates(one: VariantEvidence, other: VariantEvidence): boolean {
  const gains = [
    other.latencyMsP50 - one.latencyMsP50,
    other.peakRssBytes - one.peakRssBytes,
    (one.quality ?? 0) - (other.quality ?? 0),
  ];
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}

const figures = ({ known }: Measured): string =>
  `${known.latencyMsP50.toFixed(1)} ms, ${megabytes(known.peakRssBytes)}, ${showQuality(known)}`;

const showQuality = ({ quality }: VariantEvidence) =>
  quality === null ? 'quality unknown' : `quality ${quality.toFixed(2)}`;

function byRule(fitting: readonly Variant[], question: VariantQuestion): VariantChoice {
  // The processor of a device that is not known may lack what 16 bits need.
  const isFaster = (variant: Variant) => Number(question.inventory !== null && inferencePrecisionOf(variant) !== 'f32');
  const rank = ({ precision }: Variant) => PREFERENCE.indexOf(precision);
  const [first] = fitting.toSorted(
    (a, b) => rank(a) - rank(b) || isFaster(b) - isFaster(a) || a.measured.latencyMs - b.measured.latencyMs,
  );
  const variant = first as Variant;
  const why =
    fitting.length === 1
      ? 'the only variant that fits'
      : `by rule (${PREFERENCE.join(' before ')}): nothing was measured on ${question.deviceClass} yet`;
  return chosen(variant, why, question);
}

function chosen(variant: Variant, why: string, question: VariantQuestion): VariantChoice {
  return { variant: variant.name, why, predictedPeakBytes: predictedPeak(variant, question) };
}

const none = (why: string): VariantChoice => ({ variant: null, why, predictedPeakBytes: null });
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
