// A gate is a measured condition between two waves: parsed once at the door, judged as a pure function of evidence.
// A gate that cannot be read stops the rollout before it starts.
import { z } from 'zod';
import { bootstrapMean, percentile } from './statistics.ts';

export const GATE_METRICS = ['quality', 'latency.p50', 'latency.p90', 'memory.peak', 'failures'] as const;
export type GateMetric = (typeof GATE_METRICS)[number];

export const Gate = z.looseObject({
  metric: z.enum(GATE_METRICS),
  operator: z.enum(['<=', '>=', '<', '>']),
  /** Score 0–5, milliseconds, bytes, or a number of devices; with `relative`, a factor (1.2) of the same device's value
   * under the version that it ran before. */
  limit: z.number(),
  relative: z.boolean(),
});
export type Gate = z.infer<typeof Gate>;

const UNITS: Record<string, { readonly factor: number; readonly metrics: readonly GateMetric[] }> = {
  '': { factor: 1, metrics: ['quality', 'failures'] },
  ms: { factor: 1, metrics: ['latency.p50', 'latency.p90'] },
  s: { factor: 1000, metrics: ['latency.p50', 'latency.p90'] },
  KB: { factor: 1e3, metrics: ['memory.peak'] },
  MB: { factor: 1e6, metrics: ['memory.peak'] },
  GB: { factor: 1e9, metrics: ['memory.peak'] },
  KiB: { factor: 2 ** 10, metrics: ['memory.peak'] },
  MiB: { factor: 2 ** 20, metrics: ['memory.peak'] },
  GiB: { factor: 2 ** 30, metrics: ['memory.peak'] },
  x: { factor: 1, metrics: ['quality', 'latency.p50', 'latency.p90', 'memory.peak'] },
};

export const GATE_FORM =
  'expected METRIC OPERATOR VALUE such as "quality>=4.0", "latency.p90<=800ms", "latency.p50<=1.2x", "memory.peak<=512MB" or "failures<=0"';

export type ParsedGate =
  | { readonly kind: 'gate'; readonly gate: Gate }
  | { readonly kind: 'unreadable'; readonly message: string };

/** Reads `quality>=4.0` and the like. The message of an unreadable gate names the place and the expected form. */
export function parseGate(text: string): ParsedGate {
  const unreadable = (position: number, what: string): ParsedGate => ({
    kind: 'unreadable',
    message: `gate "${text}": ${what} at position ${position + 1}; ${GATE_FORM}`,
  });
  const compact = text.replace(/\s+/g, '');
  const metric = GATE_METRICS.find((name) => compact.startsWith(name));
  if (!metric) return unreadable(0, `unknown metric (known: ${GATE_METRICS.join(', ')})`);
  const operator = (['<=', '>=', '<', '>'] as const).find((sign) => compact.startsWith(sign, metric.length));
  if (!operator) return unreadable(metric.length, 'no operator (<=, >=, <, >)');
  const start = metric.length + operator.length;
  const value = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(compact.slice(start));
  if (!value) return unreadable(start, 'no number');
  const [, digits = '', unit = ''] = value;
  const known = UNITS[unit];
  if (!known?.metrics.includes(metric)) {
    const fitting = Object.entries(UNITS).flatMap(([name, { metrics }]) =>
      metrics.includes(metric) ? [name || 'none'] : [],
    );
    return unreadable(
      start + digits.length,
      `unit "${unit || 'none'}" does not fit ${metric} (fitting: ${fitting.join(', ')})`,
    );
  }
  return { kind: 'gate', gate: { metric, operator, limit: Number(digits) * known.factor, relative: unit === 'x' } };
}

/** Prints a gate as people write it; `parseGate` reads it back to the same gate. */
export function printGate({ metric, operator, limit, relative }: Gate): string {
  if (relative) return `${metric}${operator}${limit}x`;
  if (metric.startsWith('latency')) return `${metric}${operator}${limit}ms`;
  if (metric === 'memory.peak')
    return limit % 1e6 === 0 ? `${metric}${operator}${limit / 1e6}MB` : `${metric}${operator}${limit / 1e3}KB`;
  return `${metric}${operator}${limit}`;
}

/** What one device measured for the version on trial, and for the one it ran before. */
export interface DeviceMeasurement {
  readonly latencyMs: readonly number[];
  readonly peakRssBytes: number;
  /** Adherence of each evaluation picture and the teacher's mean; null where the version has no evaluator. */
  readonly quality: { readonly score: number; readonly pictures: readonly number[] } | null;
}

export interface DeviceEvidence {
  readonly device: string;
  readonly deviceClass: string;
  /** The installation ended well, ended badly, or has not ended. */
  readonly outcome: 'committed' | 'failed' | 'open';
  readonly measured: DeviceMeasurement | null;
  readonly before: DeviceMeasurement | null;
}

export const GateVerdict = z.looseObject({
  gate: Gate,
  metric: z.enum(GATE_METRICS),
  verdict: z.enum(['pass', 'fail', 'insufficient']),
  /** The value judged: the worst device's; null when nothing could be measured. */
  value: z.number().nullable(),
  /** 95 % interval of `value`, where it is a mean of pictures. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Samples behind `value`. */
  n: z.int().min(0),
  /** The device whose value decides. */
  device: z.string().nullable(),
  explanation: z.string(),
});
export type GateVerdict = z.infer<typeof GateVerdict>;

interface DeviceValue {
  readonly device: string;
  readonly deviceClass: string;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

/**
 * Judges one gate over a wave. Every device must satisfy it by itself, so the worst one decides: a fleet's mean would
 * hide the board that runs hot.
 */
export function judge(gate: Gate, evidence: readonly DeviceEvidence[]): GateVerdict {
  if (gate.metric === 'failures') return judgeFailures(gate, evidence);
  const committed = evidence.filter(({ outcome }) => outcome === 'committed');
  const comparable = gate.relative ? committed.filter(({ before }) => before !== null) : committed;
  const none = { gate, metric: gate.metric, value: null, low: null, high: null, n: 0, device: null };
  if (committed.length > 0 && comparable.length === 0)
    return {
      ...none,
      verdict: 'pass',
      explanation: `${printGate(gate)}: no device ran a version before, nothing to compare with`,
    };
  const values = comparable.flatMap((device) => deviceValue(gate, device) ?? []);
  const higherIsWorse = gate.operator.startsWith('<');
  const worst = values.toSorted((a, b) => (higherIsWorse ? b.value - a.value : a.value - b.value))[0];
  const missing = comparable.length - values.length;
  if (!worst || (missing > 0 && holds(gate, worst.value)))
    return {
      ...none,
      verdict: 'insufficient',
      explanation: `${printGate(gate)}: ${missing} of ${comparable.length} devices have not measured enough samples`,
    };
  const { device, deviceClass, value, low, high, n } = worst;
  const verdict = holds(gate, value) ? 'pass' : 'fail';
  const interval = low === null || high === null ? '' : ` [${show(gate, low)}, ${show(gate, high)}]`;
  const relation = verdict === 'pass' ? 'satisfies' : 'violates';
  return {
    ...{ gate, metric: gate.metric, verdict, value, low, high, n, device },
    explanation: `${gate.metric} ${show(gate, value)}${interval} on ${device} (${deviceClass}, n = ${n}) ${relation} ${printGate(gate)}`,
  };
}

function judgeFailures(gate: Gate, evidence: readonly DeviceEvidence[]): GateVerdict {
  const failed = evidence.filter(({ outcome }) => outcome === 'failed');
  const open = evidence.filter(({ outcome }) => outcome === 'open').length;
  const verdict = !holds(gate, failed.length) ? 'fail' : open > 0 ? 'insufficient' : 'pass';
  const which = failed.length > 0 ? ` (${failed.map(({ device }) => device).join(', ')})` : '';
  return {
    ...{ gate, metric: gate.metric, verdict, value: failed.length, low: null, high: null, n: evidence.length },
    device: failed[0]?.device ?? null,
    explanation: `${failed.length} of ${evidence.length} devices failed${which}; gate ${printGate(gate)}`,
  };
}

function deviceValue(gate: Gate, { device, deviceClass, measured, before }: DeviceEvidence): DeviceValue | null {
  const now = measured && metricOf(gate.metric, measured);
  if (!now) return null;
  if (!gate.relative) return { device, deviceClass, ...now };
  const then = before && metricOf(gate.metric, before);
  return then && then.value > 0
    ? { device, deviceClass, value: now.value / then.value, low: null, high: null, n: Math.min(now.n, then.n) }
    : null;
}

function metricOf(metric: GateMetric, measured: DeviceMeasurement): Omit<DeviceValue, 'device' | 'deviceClass'> | null {
  if (metric === 'memory.peak') return { value: measured.peakRssBytes, low: null, high: null, n: 1 };
  if (metric === 'quality') {
    if (!measured.quality) return null;
    const { score, pictures } = measured.quality;
    const average = pictures.reduce((sum, value) => sum + value, 0) / Math.max(1, pictures.length);
    const toScore = average > 0 ? score / average : 0;
    const { low, high } = bootstrapMean(pictures);
    return { value: score, low: Math.min(5, low * toScore), high: Math.min(5, high * toScore), n: pictures.length };
  }
  const value = percentile(measured.latencyMs, metric === 'latency.p50' ? 50 : 90);
  return value === null ? null : { value, low: null, high: null, n: measured.latencyMs.length };
}

function holds({ operator, limit }: Gate, value: number): boolean {
  switch (operator) {
    case '<=':
      return value <= limit;
    case '>=':
      return value >= limit;
    case '<':
      return value < limit;
    case '>':
      return value > limit;
  }
}

function show({ metric, relative }: Gate, value: number): string {
  if (relative) return `${value.toFixed(2)}x`;
  if (metric === 'memory.peak') return `${(value / 1e6).toFixed(0)} MB`;
  if (metric.startsWith('latency')) return `${value.toFixed(1)} ms`;
  return value.toFixed(2);
}
