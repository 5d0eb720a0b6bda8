import fc from 'fast-check';
import { expect, it } from 'vitest';
import { givenUp, WAY_BACK_MS } from './way-back.ts';

const NOW = 10 * WAY_BACK_MS;
const former = fc.array(
  fc.record({
    installationId: fc.uuid(),
    replacedMs: fc.integer({ min: 0, max: NOW }),
    ownBytes: fc.nat(1000),
  }),
  { maxLength: 8 },
);

it('gives up only what is past its grace, only when that suffices, and nothing more than that', () => {
  fc.assert(
    fc.property(former, fc.integer({ min: 1, max: 3000 }), (all, missingBytes) => {
      const chosen = givenUp(all, missingBytes, NOW);
      const bytes = chosen.reduce((sum, { ownBytes }) => sum + ownBytes, 0);
      for (const { replacedMs } of chosen) expect(NOW - replacedMs).toBeGreaterThanOrEqual(WAY_BACK_MS);
      if (chosen.length > 0) {
        expect(bytes).toBeGreaterThanOrEqual(missingBytes);
        expect(bytes - (chosen.at(-1)?.ownBytes ?? 0)).toBeLessThan(missingBytes);
      } else {
        const mayGo = all.filter(({ replacedMs }) => NOW - replacedMs >= WAY_BACK_MS);
        expect(mayGo.reduce((sum, { ownBytes }) => sum + ownBytes, 0)).toBeLessThan(missingBytes);
      }
    }),
  );
});
