import { expect, it } from 'vitest';
import { withinMs } from './within-ms.ts';

it('gives what the work gives, and throws what it throws', () => {
  expect(withinMs(1000, () => ({ ids: [1, 2] }))).toEqual({ ids: [1, 2] });
  expect(() =>
    withinMs(1000, () => {
      throw new TypeError('its own');
    }),
  ).toThrow('its own');
  expect(withinMs(1000, () => withinMs(1000, () => 3) + 1)).toBe(4);
});

it('breaks off a pattern that goes back and forth for ever, and can be used again', () => {
  const startedAt = performance.now();
  expect(() => withinMs(100, () => /^(a+)+$/.test(`${'a'.repeat(60)}!`))).toThrow('was not done within 100 ms');
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(withinMs(1000, () => 'again')).toBe('again');
});
