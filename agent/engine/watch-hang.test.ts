import { expect, it } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { watchHang } from './watch-hang.ts';

/** Looks as often as there are readings: null where the engine owes nothing, else its processor time in milliseconds. */
async function hangsAfter(readings: readonly (number | null)[]): Promise<number | null> {
  const due: (() => void)[] = [];
  const after = (_: number, action: () => void) => {
    due.push(action);
    return () => {};
  };
  const clock = { after } as unknown as Clock;
  let place = 0;
  let hungAt: number | null = null;
  watchHang({
    clock,
    isAsked: () => readings[place] !== null,
    readCpuMs: async () => readings[place] as number,
    onHang: () => {
      hungAt = place;
    },
  });
  for (; place < readings.length && due.length > 0; place++) {
    due.shift()?.();
    await new Promise(setImmediate);
  }
  return hungAt;
}

it.each<[string, (number | null)[], number | null]>([
  ['no processor time from the first look on', Array(10).fill(700), 6],
  ['a tick of the kernel is not work', [700, 710, 710, 710, 720, 720, 720, 720], 6],
  ['a step of many minutes', Array.from({ length: 40 }, (_, i) => i * 9000), null],
  ['slow as a stuck card, but not still', [0, 0, 0, 0, 0, 30, 30, 30, 30, 30, 60, 60], null],
  ['it owes nothing', Array(20).fill(null), null],
  ['a new request, long idle before', [null, null, null, null, null, null, 50, 90, 130], null],
  ['it worked, and then hung', [0, 5000, 9000, 9000, 9000, 9000, 9000, 9000, 9000, 9000], 8],
])('tells a hang from slowness: %s', async (_, readings, hungAt) => {
  expect(await hangsAfter(readings)).toBe(hungAt);
});
