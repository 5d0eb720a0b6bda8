// What a step of an installation tells the loop. Steps never move an installation themselves: the loop does, in order.
import type { BenchResult } from '../../shared/bench.ts';
import type { InstallationReason, InstallationState } from '../../shared/installation.ts';

export type StepOutcome =
  | { readonly kind: 'moved'; readonly to: InstallationState }
  | { readonly kind: 'ended'; readonly to: InstallationState; readonly reason: InstallationReason }
  | { readonly kind: 'proven' }
  | { readonly kind: 'measured'; readonly result: BenchResult }
  /** It fits once these former versions are gone, whose grace time is over. */
  | { readonly kind: 'space-needed'; readonly formerIds: readonly string[] }
  /** The signal aborted it; there is nothing to record. */
  | { readonly kind: 'stopped' };

/** A refusal or failure; `message` is cut to what a report may hold. */
export function ended(
  to: 'FAILED' | 'REJECTED' | 'ROLLED_BACK',
  code: InstallationReason['code'],
  message: string,
): StepOutcome {
  return { kind: 'ended', to, reason: { code, message: message.slice(0, 2000) } };
}
