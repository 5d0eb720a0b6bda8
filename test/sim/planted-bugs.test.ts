// The simulator finds mistakes: each of these is planted, and found on its seed by the invariant that it breaks.
import { describe, expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import { plantedSeeds } from './planted-seeds.ts';
import { simulate } from './simulation.ts';

const MINUTE_MS = 60_000;
/** Beyond the two hours that a probe may take. */
const REST_MINUTES = 130;

describe('the simulator finds that', () => {
  it.each(Object.entries(plantedBugs))('%s', async (name, bug) => {
    const planted = plantedSeeds[name];
    expect(planted, 'every planted bug has a seed on which it is found').toBeDefined();
    const { seed = 0, minutes = 0, invariant, isPlain = true } = planted ?? {};
    const { violation, steps } = await simulate({
      ...{ seed, bug, isPlain },
      devices: 6,
      lastsMs: minutes * MINUTE_MS,
      restWithinMs: REST_MINUTES * MINUTE_MS,
    });
    expect(violation?.invariant).toBe(invariant);
    console.log(`${name}: found after ${steps} steps (${violation?.message})`);
  });
});
