// A device that lost its outbox, or says hello before its reports arrive, stands further on than the server knows. The
// states between were passed: the device cannot be where it is without them. A device with a new disk begins anew, and so
// stands further back: its end is an end all the same.
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal, step } from '../../shared/machine.ts';

/** The legal transitions from `from` to `to`, by the straight way where there is one; null when there is no way. */
export function pathBetween(from: InstallationState, to: InstallationState): InstallationState[] | null {
  const path: InstallationState[] = [];
  let at = from;
  while (at !== to) {
    const { next } = installationTable[at];
    if (next.includes(to)) return [...path, to];
    const onward = next.find((state) => !isFinal(installationTable, state));
    if (!onward) return null;
    path.push(onward);
    at = onward;
  }
  return path;
}

/** The transitions that a reported one makes here, where the installation stands `at`; null when it cannot be. */
export function pathOf(
  at: InstallationState,
  { from, to }: { readonly from: InstallationState; readonly to: InstallationState },
): InstallationState[] | null {
  if (step(installationTable, from, to).kind !== 'moved') return null;
  const before = pathBetween(at, from);
  if (before) return [...before, to];
  const endsHere = isFinal(installationTable, to) && step(installationTable, at, to).kind === 'moved';
  return endsHere ? [to] : null;
}
