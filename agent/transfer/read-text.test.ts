import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import type { Clock } from '../../shared/clock.ts';
import { systemClock } from '../system-clock.ts';
import { readText } from './read-text.ts';
import type { Response } from './response.ts';

const hurried: Clock = { ...systemClock, after: (delayMs, action) => systemClock.after(delayMs / 1000, action) };

it('reads a body to its end, and not beyond what it may have', async () => {
  const body = () => Readable.from([Buffer.from('no'), Buffer.from('thing')]) as unknown as Response;
  expect(await readText(body(), 100, systemClock)).toBe('nothing');
  expect(await readText(body(), 6, systemClock)).toBeNull();
});

it('gives up on a line that falls silent in the midst of the body', async () => {
  const silent = new Readable({ read: () => {} });
  silent.push('{"model":');
  await expect(readText(silent as unknown as Response, 100, hurried)).rejects.toThrow('no byte for 30000 ms');
});
