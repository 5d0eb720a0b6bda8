// What to ask the devices for when the evidence is not enough: bounded, and only of those within reach.
import type { BenchMode } from '../../../shared/bench.ts';
import { type Gate, isRelative } from '../../../shared/gates.ts';
import type { Need } from '../../../shared/judge.ts';

/** A device is asked so often for one rollout; what is not known by then, nobody will know. */
export const MEASURED_AGAIN_AT_MOST = 6;

export interface Asked {
  /** Runs asked for so far, and those that have not ended. */
  readonly asked: number;
  readonly open: number;
}

export interface Ask {
  readonly device: string;
  /** In this order; of a pair every other one begins with the new version, so that a drift does not favour one of them. */
  readonly runs: readonly { readonly which: 'now' | 'before'; readonly mode: BenchMode }[];
}

export function measureAgain(
  needs: readonly Need[],
  facts: {
    readonly gates: readonly Gate[];
    readonly evaluationPrompts: number;
    readonly isOnline: (device: string) => boolean;
    readonly askedOf: (device: string) => Asked;
  },
): Ask[] {
  const byDevice = Map.groupBy(needs, ({ device }) => device);
  return [...byDevice].flatMap(([device, own]) => {
    const { asked, open } = facts.askedOf(device);
    const isPair = own.some(({ kind }) => kind === 'pair');
    const round = Math.floor(asked / (isPair ? 2 : 1));
    if (open > 0 || round >= MEASURED_AGAIN_AT_MOST || !facts.isOnline(device)) return [];
    const mode = modeFor(own, facts, round);
    const order = round % 2 === 0 ? (['before', 'now'] as const) : (['now', 'before'] as const);
    return [{ device, runs: isPair ? order.map((which) => ({ which, mode })) : [{ which: 'now' as const, mode }] }];
  });
}

/** Long enough for what is missing; longer when shorter ones did not do. */
function modeFor(
  needs: readonly Need[],
  { gates, evaluationPrompts }: { readonly gates: readonly Gate[]; readonly evaluationPrompts: number },
  round: number,
): BenchMode {
  if (needs.some(({ kind }) => kind === 'pictures')) return evaluationPrompts > 128 ? 'full' : 'rapid';
  return round >= 2 || gates.some(({ metric }) => metric === 'latency.p90') ? 'rapid' : 'quick';
}

/** Whether asking could still bring something: a device out of reach may come, one that was asked too often is done. */
export const isExhausted = ({ asked, open }: Asked, gates: readonly Gate[]): boolean =>
  open === 0 && asked >= MEASURED_AGAIN_AT_MOST * (gates.some(isRelative) ? 2 : 1);
