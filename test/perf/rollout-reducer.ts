// Device evaluations a second of the rule that decides what a rollout does next: 10,000 devices in every stage of a wave,
// asked again and again. Pure computation, in this process.
import { nextStep } from '../../server/rules/rollout/next-step.ts';
import { median } from '../../shared/statistics.ts';
import { madeFacts, madeInstallation, madeTarget } from '../server/made-facts.ts';
import type { PerfResult } from './result.ts';

const DEVICES = 10_000;
const ROUNDS = 9;
const ROUND_MS = 300;
const STATES = ['COMMITTED', 'DOWNLOADING', 'PROBING', 'COMMITTED', null] as const;

export async function measureRolloutReducer(): Promise<PerfResult> {
  const targets = Array.from({ length: DEVICES }, (_, i) => {
    const state = STATES[i % STATES.length] ?? null;
    return madeTarget(i, { attempts: state ? 1 : 0, installation: state ? madeInstallation(state) : null });
  });
  const facts = madeFacts({
    ...{ targets, pace: { maxInFlight: 1, growth: { factor: 1.1, after: 5000 } }, retries: 2 },
    waves: [{ index: 0, state: 'RUNNING', deadlineMs: 10_000_000, hasNews: true }],
  });
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let turns = 0;
    const startedAt = performance.now();
    while (performance.now() - startedAt < ROUND_MS) {
      nextStep(facts);
      turns++;
    }
    // The first round warms up.
    if (round > 0) rates.push(Math.round((turns * DEVICES * 1000) / (performance.now() - startedAt)));
  }
  return {
    ...{ name: 'rollout-reducer', what: 'device evaluations a second of the rollout rules' },
    ...{ value: median(rates), unit: 'devices', goal: 1_000_000, goalIs: 'at least' },
    spread: { low: Math.min(...rates), high: Math.max(...rates) },
    detail: `${DEVICES} devices in one wave, with pace and retries; ${ROUNDS} rounds of ${ROUND_MS} ms`,
  };
}
