// A device that lost its outbox, or says hello before its reports arrive, stands further on than the server knows. The
// states between were passed: the device cannot be where it is without them.
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal } from '../../shared/machine.ts';

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
