import { describe, expect, it } from 'vitest';
import { installationTable } from './installation.ts';
import { jobTable } from './job.ts';
import { deadlineOf, isFinal, reachable, step, type Table } from './machine.ts';

const tables: [string, Table<string>, string][] = [
  ['installation', installationTable as Table<string>, 'QUEUED'],
  ['job', jobTable as Table<string>, 'QUEUED'],
];

describe.each(tables)('the %s table', (_, table, start) => {
  const states = Object.keys(table);

  it('gives every state that is not final a deadline and a legal way out of it', () => {
    for (const state of states) {
      const row = table[state];
      if (!row || isFinal(table, state)) continue;
      expect(row.deadlineMs, state).toBeGreaterThan(0);
      expect(row.next, state).toContain(row.onDeadline);
    }
  });

  it('lets nothing leave a final state', () => {
    for (const state of states.filter((state) => isFinal(table, state))) {
      expect(table[state]?.next).toEqual([]);
      expect(deadlineOf(table, state, 0)).toBeNull();
      for (const other of states.filter((other) => other !== state))
        expect(step(table, state, other).kind).toBe('illegal');
    }
  });

  it('reaches every state from the first, and never comes back', () => {
    expect([...reachable(table, start), start].sort()).toEqual([...states].sort());
    for (const state of states) expect(reachable(table, state).has(state)).toBe(false);
  });
});

describe('step', () => {
  it('calls a repeated state the same, and names both states of an illegal move', () => {
    expect(step(installationTable, 'STAGED', 'STAGED')).toEqual({ kind: 'same', state: 'STAGED' });
    expect(step(installationTable, 'DOWNLOADING', 'COMMITTED')).toMatchObject({
      kind: 'illegal',
      message: 'no transition leads from DOWNLOADING to COMMITTED',
    });
  });
});
