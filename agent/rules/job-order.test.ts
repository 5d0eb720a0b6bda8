import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobOrder, type QueuedJob } from './job-order.ts';

const job = (jobId: string, over: Partial<QueuedJob> = {}): QueuedJob => ({
  ...{ jobId, kind: 'picture', receivedMs: 0, deadlineMs: 600_000, requester: 'a', priority: 'normal' },
  ...over,
});
const ids = (jobs: readonly QueuedJob[]) => jobs.map(({ jobId }) => jobId).join(' ');
const none = { nowMs: 0, turns: new Map<string, number>() };

describe('jobOrder', () => {
  it.each([
    ['priorities first', [job('1', { priority: 'low' }), job('2'), job('3', { priority: 'high' })], none, '3 2 1'],
    [
      'the requester whose turn is longest ago',
      [job('1'), job('2', { requester: 'b' })],
      { nowMs: 0, turns: new Map([['a', 1]]) },
      '2 1',
    ],
    ['of one requester the nearest deadline', [job('1'), job('2', { deadlineMs: 5 })], none, '2 1'],
    ['arrival in the end', [job('1', { receivedMs: 2 }), job('2', { receivedMs: 1 })], none, '2 1'],
    [
      'a long wait lifts',
      [job('1', { receivedMs: 70_000 }), job('2', { priority: 'low' })],
      { ...none, nowMs: 120_000 },
      '2 1',
    ],
    [
      'benches as they came, behind',
      [job('1', { kind: 'bench' }), job('2', { kind: 'bench' }), job('3')],
      none,
      '3 1 2',
    ],
  ])('%s', (_, jobs, state, order) => expect(ids(jobOrder(jobs, state))).toBe(order));

  it('between two pictures of a requester that waits, every other one gets at most one', () => {
    const requests = fc.array(fc.record({ requester: fc.constantFrom('a', 'b', 'c', 'd'), deadlineMs: fc.nat(1e6) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(requests, (made) => {
        let waiting = made.map((over, i) => job(`${i}`, { ...over, receivedMs: 0 }));
        const turns = new Map<string, number>();
        const served: string[] = [];
        for (let turn = 1; waiting.length > 0; turn++) {
          const [next] = jobOrder(waiting, { nowMs: 0, turns });
          if (!next) break;
          waiting = waiting.filter((one) => one !== next);
          turns.set(next.requester, turn);
          // Whoever still waits was passed over by this one: no other may pass it twice before its own turn.
          for (const { requester } of waiting) {
            const since = served.lastIndexOf(requester);
            const passed = served.slice(since + 1).filter((other) => other === next.requester).length;
            if (requester !== next.requester) expect(passed).toBe(0);
          }
          served.push(next.requester);
        }
        expect(served).toHaveLength(made.length);
      }),
    );
  });
});
