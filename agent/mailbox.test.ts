import { expect, it } from 'vitest';
import { Bell } from './bell.ts';
import { Mailbox } from './mailbox.ts';
import type { Store } from './store/open-store.ts';
import { systemClock as clock } from './system-clock.ts';

it('an acknowledgement of what another disk had numbered deletes nothing', () => {
  const deleted: number[] = [];
  const outgoing = { outboxId: 'mine', acknowledge: (upTo: number) => void deleted.push(upTo) };
  const store = { outgoing } as unknown as Store;
  const mailbox = new Mailbox({ store, bell: new Bell(clock), log: () => {} });
  mailbox.acknowledged({ upTo: 50, outboxId: 'of an old disk', serverTimeMs: 1 });
  expect(deleted).toEqual([]);
  mailbox.acknowledged({ upTo: 2, outboxId: 'mine', serverTimeMs: 1 });
  mailbox.acknowledged({ upTo: 3, serverTimeMs: 1 });
  expect(deleted).toEqual([2, 3]);
});
