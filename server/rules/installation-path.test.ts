import { expect, it } from 'vitest';
import { InstallationState, installationTable } from '../../shared/installation.ts';
import { reachable, step } from '../../shared/machine.ts';
import { pathBetween } from './installation-path.ts';

it('walks only legal transitions, and finds a way wherever there is one', () => {
  for (const from of InstallationState.options)
    for (const to of InstallationState.options) {
      const path = pathBetween(from, to);
      const exists = from === to || reachable(installationTable, from).has(to);
      expect(path !== null, `${from} → ${to}`).toBe(exists);
      let at = from;
      for (const next of path ?? []) {
        expect(step(installationTable, at, next).kind, `${at} → ${next}`).toBe('moved');
        at = next;
      }
      if (path) expect(at).toBe(to);
    }
});
