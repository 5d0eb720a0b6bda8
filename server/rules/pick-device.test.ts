import { expect, it } from 'vitest';
import { type Candidate, pickDevice } from './pick-device.ts';

const one = (name: string, over: Partial<Candidate> = {}): Candidate => ({
  ...{ deviceId: name, name, online: true, open: 0, latencyMs: 100 },
  ...over,
});

it('counts those before it in line, and how long each takes there', () => {
  expect(pickDevice([one('slow', { latencyMs: 900 }), one('busy', { open: 9 }), one('free')])?.name).toBe('free');
  expect(pickDevice([one('slow', { latencyMs: 900 }), one('busy', { open: 7 })])?.name).toBe('busy');
});

it('passes over those that are away, and prefers those that somebody has timed', () => {
  expect(pickDevice([one('a', { online: false }), one('b', { latencyMs: null }), one('c', { open: 20 })])?.name).toBe(
    'c',
  );
  expect(pickDevice([one('a', { online: false })])).toBeNull();
});
