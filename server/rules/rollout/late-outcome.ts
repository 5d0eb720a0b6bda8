// A device that comes after its wave was judged is judged by what it brings itself: one that failed by the gates on
// failures, counted over all that came late, and one that committed by what it measured. That others failed is no reason
// to send it back.
import type { GateVerdict } from '../../../shared/gates.ts';
import type { InstallationState } from '../../../shared/installation.ts';
import { outcomeOf } from './facts.ts';
import { type WaveOutcome, waveOutcome } from './wave-outcome.ts';

export interface LateOutcome {
  readonly outcome: WaveOutcome;
  /** Those of the verdicts that it was judged by. */
  readonly verdicts: readonly GateVerdict[];
  /** Whether it counts among the devices that came late; one that was called off says nothing of the version. */
  readonly counts: boolean;
}

export function lateOutcome(state: InstallationState, all: readonly GateVerdict[]): LateOutcome {
  const ended = outcomeOf(state);
  const counts = ended === 'committed' || ended === 'failed';
  const verdicts = counts ? all.filter(({ metric }) => (metric === 'failures') === (ended === 'failed')) : [];
  return { outcome: waveOutcome(verdicts, false), verdicts, counts };
}
