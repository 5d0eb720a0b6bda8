// Judges a gate over what the devices of a wave measured. Each device class must satisfy it with the stated confidence,
// and no single device may be worse beyond doubt: a class's mean would hide the board that runs hot. Where the interval
// lies on both sides of the limit and more measuring can narrow it, the verdict is `insufficient`, with what to ask.
import { classFigure, comparedRuns, type DeviceEvidence, type Figure, lacks } from './evidence.ts';
import { type Gate, type GateVerdict, isRelative, printGate, printLimit } from './gates.ts';
import { plural } from './plural.ts';
import { shareInterval } from './statistics.ts';

export interface JudgeOptions {
  /** Of every interval, 0–1. */
  readonly confidence: number;
  /** Prompts of the version's evaluation set: more pictures than that nobody can score. */
  readonly evaluationPrompts: number;
}

/** What would bring a verdict nearer: another run, more pictures scored, or both versions side by side. */
export interface Need {
  readonly device: string;
  readonly kind: 'run' | 'pictures' | 'pair';
}

export interface Judgement {
  readonly verdict: GateVerdict;
  readonly needs: readonly Need[];
}

type Verdict = GateVerdict['verdict'];
interface Judged {
  readonly scope: string;
  readonly members: readonly DeviceEvidence[];
  readonly figure: Figure;
  readonly verdict: Verdict;
}

export function judge(gate: Gate, evidence: readonly DeviceEvidence[], options: JudgeOptions): Judgement {
  return gate.metric === 'failures' ? judgeFailures(gate, evidence, options) : judgeMeasured(gate, evidence, options);
}

function judgeFailures(gate: Gate, evidence: readonly DeviceEvidence[], { confidence }: JudgeOptions): Judgement {
  const failed = evidence.filter(({ outcome }) => outcome === 'failed');
  const open = evidence.filter(({ outcome }) => outcome === 'open').length;
  const n = evidence.length;
  const scale = gate.against === 'share' ? 100 : n;
  const value = n === 0 ? 0 : (scale * failed.length) / n;
  const interval = shareInterval(failed.length, n, confidence);
  const verdict: Verdict = !holds(gate, value) ? 'fail' : open > 0 ? 'insufficient' : 'pass';
  const which = failed.length > 0 ? ` (${failed.map(({ device }) => device).join(', ')})` : '';
  const counted = `${failed.length} of ${plural(n, 'device')} failed${which}`;
  const says = { pass: 'satisfies', fail: 'breaks', insufficient: 'does not decide yet' }[verdict];
  const explanation = `${counted}, ${says} ${printGate(gate)}`;
  return {
    needs: [],
    verdict: {
      ...{ gate, metric: gate.metric, verdict, value, low: interval.low * scale, high: interval.high * scale, n },
      ...{ confidence, method: 'exact', deviceClass: null, device: failed[0]?.device ?? null, groups: [], explanation },
    },
  };
}

function judgeMeasured(gate: Gate, evidence: readonly DeviceEvidence[], options: JudgeOptions): Judgement {
  const committed = evidence.filter(({ outcome }) => outcome === 'committed');
  const comparable = isRelative(gate) ? committed.filter(({ before }) => before !== null) : committed;
  if (committed.length > 0 && comparable.length === 0)
    return without(gate, options, 'pass', 'no device ran a version before, nothing to compare with');
  if (comparable.length === 0) return without(gate, options, 'insufficient', 'no device has committed yet');
  const lacking = comparable.flatMap((one) => {
    const what = lacks(gate, one);
    return what === null ? [] : [{ device: one.device, what }];
  });
  const ready = comparable.filter((one) => !lacking.some(({ device }) => device === one.device));
  const classes = [...Map.groupBy(ready, ({ deviceClass }) => deviceClass)].map(([scope, members]) =>
    judgeGroup(gate, scope, members, options),
  );
  const alone = classes.flatMap(({ members }) =>
    members.length > 1 ? members.flatMap((one) => judgeAlone(gate, one, ready.length, options) ?? []) : [],
  );
  const judged = [...classes, ...alone];
  const decisive = mostDecisive(gate, judged);
  const needs = [
    ...lacking.map(({ device }) => ({ device, kind: isRelative(gate) ? ('pair' as const) : needOf(gate) })),
    ...judged.filter(({ verdict }) => verdict === 'insufficient').flatMap(({ members }) => askAll(gate, members)),
  ];
  const missing = lacking.map(({ device, what }) => `${device} ${what}`);
  if (!decisive || (decisive.verdict === 'pass' && lacking.length > 0))
    return { ...without(gate, options, 'insufficient', `not measured enough: ${listed(missing)}`), needs };
  const overall = classes.length > 1 ? [judgeGroup(gate, 'all', ready, options)] : [];
  return { needs, verdict: verdictOf(gate, decisive, [...classes, ...overall], options) };
}

function judgeGroup(gate: Gate, scope: string, members: readonly DeviceEvidence[], options: JudgeOptions): Judged {
  const figure = classFigure(gate, members, options);
  return { scope, members, figure, verdict: verdictFor(gate, figure) };
}

/** A device that looks worse than allowed: beyond doubt it fails, else it measures on. Null for one that looks well. */
function judgeAlone(gate: Gate, one: DeviceEvidence, tested: number, options: JudgeOptions): Judged | null {
  // Bonferroni: of a thousand good devices none shall fail by chance.
  const confidence = 1 - (1 - options.confidence) / tested;
  const judged = judgeGroup(gate, one.deviceClass, [one], { ...options, confidence });
  return holds(gate, judged.figure.value) ? null : judged;
}

function verdictFor(gate: Gate, { value, low, high, settled }: Figure): Verdict {
  if (settled) return holds(gate, value) ? 'pass' : 'fail';
  if (low === null || high === null) return 'insufficient';
  const [one, other] = [holds(gate, low), holds(gate, high)];
  return one && other ? 'pass' : one || other ? 'insufficient' : 'fail';
}

const SEVERITY: readonly Verdict[] = ['fail', 'insufficient', 'pass'];

function mostDecisive(gate: Gate, judged: readonly Judged[]): Judged | null {
  const worse = gate.operator.startsWith('<') ? -1 : 1;
  const order = judged.toSorted(
    (a, b) => SEVERITY.indexOf(a.verdict) - SEVERITY.indexOf(b.verdict) || worse * (a.figure.value - b.figure.value),
  );
  return order[0] ?? null;
}

const needOf = ({ metric }: Gate): Need['kind'] => (metric === 'quality' ? 'pictures' : 'run');
const askAll = (gate: Gate, members: readonly DeviceEvidence[]): Need[] =>
  members.map(({ device }) => ({ device, kind: isRelative(gate) ? 'pair' : needOf(gate) }));

function verdictOf(gate: Gate, decisive: Judged, groups: readonly Judged[], options: JudgeOptions): GateVerdict {
  const { figure, verdict, members } = decisive;
  const { value, low, high, n, method } = figure;
  const only = members.length === 1 ? (members[0] ?? null) : null;
  return {
    ...{ gate, metric: gate.metric, verdict, value, low, high, n, method },
    confidence: options.confidence,
    deviceClass: decisive.scope,
    device: only?.device ?? figure.worstDevice,
    groups: groups.map((group) => ({
      ...{ scope: group.scope, devices: group.members.length, verdict: group.verdict },
      ...{ value: group.figure.value, low: group.figure.low, high: group.figure.high, n: group.figure.n },
    })),
    explanation: explain(gate, decisive, only),
  };
}

function explain(gate: Gate, { figure, verdict, scope, members }: Judged, only: DeviceEvidence | null): string {
  const { value, low, high, n, worstDevice } = figure;
  const interval = low === null || high === null ? '' : ` [${show(gate, low)}, ${show(gate, high)}]`;
  const versus = only?.before && isRelative(gate) ? ` of ${only.before.version}` : '';
  const many = members.length > 1 ? `, ${members.length} devices` : '';
  const name = only?.device ?? worstDevice;
  const where = name ? `${name} (${scope}, n = ${n})` : `${scope} (n = ${n}${many})`;
  const what = `${gate.metric} ${show(gate, value)}${interval}${versus} on ${where}`;
  if (verdict === 'pass') return `${what} satisfies ${printGate(gate)}`;
  if (verdict === 'fail') return `${what} is ${WRONG[gate.operator]} ${printLimit(gate)}`;
  return `not enough evidence yet: ${what} may lie on either side of ${printLimit(gate)}`;
}

const WRONG = { '>=': 'below', '<=': 'above', '<': 'not below', '>': 'not above' } as const;

function without(gate: Gate, { confidence }: JudgeOptions, verdict: Verdict, why: string): Judgement {
  return {
    needs: [],
    verdict: {
      ...{ gate, metric: gate.metric, verdict, value: null, low: null, high: null, n: 0, confidence, method: null },
      ...{ deviceClass: null, device: null, groups: [], explanation: `${printGate(gate)}: ${why}` },
    },
  };
}

const SHOWN = 5;
const listed = (parts: readonly string[]) =>
  parts.slice(0, SHOWN).join(', ') + (parts.length > SHOWN ? ` and ${parts.length - SHOWN} more` : '');

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

function show({ metric, against }: Gate, value: number): string {
  if (against === 'factor') return `${value.toFixed(2)}x`;
  if (against === 'change') return `${value > 0 ? '+' : ''}${value.toFixed(1)}%`;
  if (metric === 'memory.peak') return `${(value / 1e6).toFixed(0)} MB`;
  if (metric.startsWith('latency')) return `${value.toFixed(1)} ms`;
  return value.toFixed(2);
}

/** The bench runs that a verdict over this evidence rests on, for the record. */
export const runsBehind = (evidence: readonly DeviceEvidence[]): Record<string, readonly string[]> =>
  Object.fromEntries(evidence.map((one) => [one.device, comparedRuns(one)]));
