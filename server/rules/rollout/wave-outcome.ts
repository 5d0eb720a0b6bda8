import type { GateVerdict } from '../../../shared/gates.ts';

export type WaveOutcome = 'pass' | 'fail' | 'insufficient';

/** A wave passes when all of its gates do. One that fails decides at once; at the deadline so does missing evidence. */
export function waveOutcome(verdicts: readonly GateVerdict[], closing: boolean): WaveOutcome {
  if (verdicts.some(({ verdict }) => verdict === 'fail')) return 'fail';
  if (verdicts.every(({ verdict }) => verdict === 'pass')) return 'pass';
  return closing ? 'fail' : 'insufficient';
}
