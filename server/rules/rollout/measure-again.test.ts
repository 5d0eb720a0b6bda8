import { expect, it } from 'vitest';
import { parseGate } from '../../../shared/gates.ts';
import { MEASURED_AGAIN_AT_MOST, measureAgain } from './measure-again.ts';

const facts = (text: string, over: Partial<Parameters<typeof measureAgain>[1]> = {}) => {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return {
    ...{ gates: [parsed.gate], evaluationPrompts: 48, isOnline: () => true, askedOf: () => ({ asked: 0, open: 0 }) },
    ...over,
  };
};

it('asks for both versions in turns, the other one first the next time', () => {
  const pair = [{ device: 'a', kind: 'pair' as const }];
  const order = (asked: number) =>
    measureAgain(pair, facts('latency.p50<=1.2x', { askedOf: () => ({ asked, open: 0 }) }))[0]?.runs.map(
      ({ which }) => which,
    );
  expect(order(0)).toEqual(['before', 'now']);
  expect(order(2)).toEqual(['now', 'before']);
});

it('asks nobody who is away, or still at it, or was asked often enough', () => {
  const run = [{ device: 'a', kind: 'run' as const }];
  const asks = (over: Parameters<typeof facts>[1]) => measureAgain(run, facts('latency.p50<=1s', over)).length;
  expect(asks({})).toBe(1);
  expect(asks({ isOnline: () => false })).toBe(0);
  expect(asks({ askedOf: () => ({ asked: 1, open: 1 }) })).toBe(0);
  expect(asks({ askedOf: () => ({ asked: MEASURED_AGAIN_AT_MOST, open: 0 }) })).toBe(0);
});

it('asks for what is missing', () => {
  const mode = (text: string, kind: 'run' | 'pictures', over = {}) =>
    measureAgain([{ device: 'a', kind }], facts(text, over))[0]?.runs[0]?.mode;
  expect(mode('latency.p50<=1s', 'run')).toBe('quick');
  expect(mode('latency.p90<=1s', 'run')).toBe('rapid');
  expect(mode('quality>=4', 'pictures')).toBe('rapid');
  expect(mode('quality>=4', 'pictures', { evaluationPrompts: 500 })).toBe('full');
});
