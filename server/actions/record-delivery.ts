import type { Command, Desired } from '../../shared/messages.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import * as outgoing from '../store/outgoing.ts';
import type { World } from '../store/world.ts';

/** The broker has these messages: what they tell has been told, and they are owed no more. */
export async function recordDelivery(
  { store, clock }: World,
  messages: readonly outgoing.OwedMessage[],
): Promise<void> {
  const atMs = clock.now();
  await store.write(
    async (tx) => {
      for (const { kind, payload } of messages) {
        if (kind === 'desired')
          for (const { installationId } of (JSON.parse(payload) as Desired).desired.models) {
            const installation = await installations.find(tx, installationId);
            if (installation?.state === 'QUEUED') await installations.move(tx, installation, { to: 'NOTIFIED', atMs });
          }
        if (kind === 'command') {
          const job = await jobs.find(tx, (JSON.parse(payload) as Command).commandId);
          if (job?.state === 'QUEUED') await jobs.move(tx, job, { to: 'SENT', atMs });
        }
      }
      await outgoing.settle(
        tx,
        messages.map(({ outgoingId }) => outgoingId),
      );
    },
    { durable: false },
  );
}
