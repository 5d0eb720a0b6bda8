import type { Progress } from '../../shared/messages.ts';
import * as events from '../store/events.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import type { World } from '../store/world.ts';

/** Best effort, and told to those who watch. */
export async function recordProgress(
  { store, clock }: World,
  { deviceId, progress: { of } }: { deviceId: string; progress: Progress },
): Promise<void> {
  const atMs = clock.now();
  const { stage, done, total } = of;
  await store.write(
    async (tx) => {
      const subject = of.kind === 'job' ? of.jobId : of.installationId;
      const known = of.kind === 'job' ? await jobs.find(tx, subject) : await installations.find(tx, subject);
      if (known?.deviceId !== deviceId) return;
      if (of.kind === 'job') await jobs.setProgress(tx, subject, { stage, done, total, preview: of.preview });
      await events.append(tx, { atMs, kind: 'progress', subject, details: { deviceId, stage, done, total } });
    },
    { durable: false },
  );
}
