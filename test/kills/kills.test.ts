// A sample of `npm run kills`, which goes on as long as one likes.
import { expect, it } from 'vitest';
import { runKills } from './run-kills.ts';

it('whatever is killed in the midst of an installation, the device ends with one whole version and one story', async () => {
  const seed = Date.now() % 2 ** 31;
  const lines: string[] = [];
  const figures = await runKills({ count: 8, seed, log: (line) => lines.push(line) });
  expect(figures.violations, `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
  expect(figures.kills).toBeGreaterThanOrEqual(8);
  expect(figures.transitions).toBeGreaterThanOrEqual(7 * figures.installations);
}, 600_000);
