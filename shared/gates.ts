// A gate is a measured condition between two waves: parsed once at the door (judge.ts judges it). A gate that cannot be
// read stops the rollout before it starts.
import { z } from 'zod';

export const GATE_METRICS = ['quality', 'latency.p50', 'latency.p90', 'memory.peak', 'failures'] as const;
export type GateMetric = (typeof GATE_METRICS)[number];

export const Gate = z.looseObject({
  metric: z.enum(GATE_METRICS),
  operator: z.enum(['<=', '>=', '<', '>']),
  /**
   * Of an `absolute` one: score 0–5, milliseconds, bytes, or a number of devices. Of a `share`: percent of the devices
   * that ended. Of a `factor` (1.2) or a `change` in percent (-2): against the same device's value under the version that
   * it ran before.
   */
  limit: z.number(),
  against: z.enum(['absolute', 'share', 'factor', 'change']),
});
export type Gate = z.infer<typeof Gate>;

interface Unit {
  readonly factor: number;
  readonly metrics: readonly GateMetric[];
  readonly against: Gate['against'];
}

const LATENCY = ['latency.p50', 'latency.p90'] as const;
const MEASURED = ['quality', ...LATENCY, 'memory.peak'] as const;
const bytes = (factor: number): Unit => ({ factor, metrics: ['memory.peak'], against: 'absolute' });

const UNITS: Readonly<Record<string, readonly Unit[]>> = {
  '': [{ factor: 1, metrics: ['quality', 'failures'], against: 'absolute' }],
  ms: [{ factor: 1, metrics: LATENCY, against: 'absolute' }],
  s: [{ factor: 1000, metrics: LATENCY, against: 'absolute' }],
  KB: [bytes(1e3)],
  MB: [bytes(1e6)],
  GB: [bytes(1e9)],
  KiB: [bytes(2 ** 10)],
  MiB: [bytes(2 ** 20)],
  GiB: [bytes(2 ** 30)],
  x: [{ factor: 1, metrics: MEASURED, against: 'factor' }],
  '%': [
    { factor: 1, metrics: MEASURED, against: 'change' },
    { factor: 1, metrics: ['failures'], against: 'share' },
  ],
};

export const GATE_FORM =
  'expected METRIC OPERATOR VALUE such as "quality>=4.0", "latency.p90<=800ms", "memory.peak<=512MB", "failures<=0" or ' +
  '"failures<=5%", or against the version before: "latency.p50<=1.2x", "quality>=-2%"';

export type ParsedGate =
  | { readonly kind: 'gate'; readonly gate: Gate }
  | { readonly kind: 'unreadable'; readonly message: string };

const isBetterHigh = (metric: GateMetric) => metric === 'quality';

/** Reads `quality>=4.0` and the like. The message of an unreadable gate names the place and the expected form. */
export function parseGate(text: string): ParsedGate {
  const unreadable = (position: number, what: string): ParsedGate => ({
    kind: 'unreadable',
    message: `gate "${text}": ${what} at position ${position + 1}; ${GATE_FORM}`,
  });
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    while (/\s/.test(text[at] ?? '')) at++;
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) return null;
    at += found.length;
    return found;
  };
  const word = take(/[A-Za-z][\w.]*/y) ?? '';
  const metric = GATE_METRICS.find((name) => name === word);
  if (!metric) return unreadable(at - word.length, `unknown metric (known: ${GATE_METRICS.join(', ')})`);
  const operator = take(/<=|>=|<|>/y) as Gate['operator'] | null;
  if (!operator) return unreadable(at, 'no operator (<=, >=, <, >)');
  if (operator.startsWith('>') !== isBetterHigh(metric))
    return unreadable(at - operator.length, `"${operator}" would let the worse pass for ${metric}`);
  const digits = take(/[-+]?\d+(\.\d+)?/y);
  if (digits === null) return unreadable(at, 'no number');
  const numberAt = at - digits.length;
  const name = take(/[A-Za-z%]+/y) ?? '';
  const unitAt = at - name.length;
  const unit = Object.hasOwn(UNITS, name) ? UNITS[name]?.find(({ metrics }) => metrics.includes(metric)) : undefined;
  if (!unit) return unreadable(unitAt, `unit "${name || 'none'}" does not fit ${metric} (fitting: ${fitting(metric)})`);
  take(/(?=\S)|$/y);
  if (at < text.length) return unreadable(at, `"${text.slice(at)}" follows the gate`);
  const limit = Number(digits) * unit.factor;
  const fault = limitFault(limit, unit.against);
  if (fault) return unreadable(numberAt, fault);
  return { kind: 'gate', gate: { metric, operator, limit, against: unit.against } };
}

function limitFault(limit: number, against: Gate['against']): string | null {
  if (against === 'change') return limit > -100 ? null : 'a change ends at -100%';
  if (against === 'factor') return limit > 0 ? null : 'a factor is above 0';
  if (against === 'share') return limit >= 0 && limit <= 100 ? null : 'a share is from 0% to 100%';
  return limit >= 0 ? null : 'the value is below 0 (a change against the version before needs %)';
}

const fitting = (metric: GateMetric): string =>
  Object.entries(UNITS)
    .flatMap(([name, units]) => (units.some(({ metrics }) => metrics.includes(metric)) ? [name || 'none'] : []))
    .join(', ');

/** Against what the same device ran before. */
export const isRelative = ({ against }: Gate): boolean => against === 'factor' || against === 'change';

/** Prints a gate as people write it; `parseGate` reads it back to the same gate. */
export const printGate = (gate: Gate): string => `${gate.metric}${gate.operator}${printLimit(gate)}`;

export function printLimit({ metric, limit, against }: Gate): string {
  if (against === 'factor') return `${limit}x`;
  if (against === 'change') return `${limit > 0 ? '+' : ''}${limit}%`;
  if (against === 'share') return `${limit}%`;
  if (metric.startsWith('latency')) return `${limit}ms`;
  if (metric !== 'memory.peak') return String(limit);
  return limit % 1e6 === 0 ? `${limit / 1e6}MB` : `${limit / 1e3}KB`;
}

export const GateVerdict = z.looseObject({
  gate: Gate,
  metric: z.enum(GATE_METRICS),
  verdict: z.enum(['pass', 'fail', 'insufficient']),
  /** The value that decides, in the gate's unit: of the worst class, or of a device that is worse beyond doubt. */
  value: z.number().nullable(),
  /** Interval of `value` at `confidence`; null where nothing could be measured. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** What is behind `value`: prompts, pictures timed, or devices. */
  n: z.int().min(0),
  /** Of the interval, 0–1. */
  confidence: z.number().min(0).max(1),
  /** `exact` (order statistics, Clopper–Pearson), `bootstrap` (seeded), or the `range` of what devices measured. */
  method: z.enum(['exact', 'bootstrap', 'range']).nullable(),
  /** The device class that decides, or the device; null for a gate on failures. */
  deviceClass: z.string().nullable(),
  device: z.string().nullable(),
  /** Each device class, and `all` of them where there are several. */
  groups: z.array(
    z.looseObject({
      scope: z.string(),
      devices: z.int(),
      value: z.number().nullable(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      n: z.int(),
      verdict: z.enum(['pass', 'fail', 'insufficient']),
    }),
  ),
  explanation: z.string(),
});
export type GateVerdict = z.infer<typeof GateVerdict>;
