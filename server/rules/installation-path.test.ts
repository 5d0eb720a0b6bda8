import { expect, it } from 'vitest';
import { InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal, reachable, step } from '../../shared/machine.ts';
import { pathBetween, pathOf } from './installation-path.ts';

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

it('an end that the table allows is taken from wherever a device stands, and nothing else goes back', () => {
  for (const at of InstallationState.options)
    for (const from of InstallationState.options)
      for (const to of installationTable[from].next) {
        const path = pathOf(at, { from, to });
        const isFurther = at === from || reachable(installationTable, at).has(from);
        const endsHere = isFinal(installationTable, to) && step(installationTable, at, to).kind === 'moved';
        expect(path !== null, `${at}: ${from} → ${to}`).toBe(isFurther || endsHere);
        if (path && !isFurther) expect(path).toEqual([to]);
      }
  expect(pathOf('PROBING', { from: 'NOTIFIED', to: 'REJECTED' })).toEqual(['REJECTED']);
  expect(pathOf('PROBING', { from: 'DOWNLOADING', to: 'VERIFIED' })).toBeNull();
  expect(pathOf('NOTIFIED', { from: 'VERIFIED', to: 'COMMITTED' }), 'illegal for whoever reports it').toBeNull();
});
