import { expect, test } from 'vitest';
import type { PictureView } from '../../shared/http-api.ts';
import { Client } from './client.ts';
import { followJob } from './follow-job.ts';
import { Screen } from './screen.ts';

// Ctrl-C while the request was on its way there: the picture is waiting by now, and who asked for it must be able to take it back.
test('a job is seen once even where nobody waits any more', async () => {
  const silent = { write: () => {} };
  const session = {
    client: new Client({ url: new URL('http://127.0.0.1:9'), key: 'k' }),
    screen: new Screen(true, silent, silent),
  };
  const waiting = { device: 'pi-kitchen', state: 'QUEUED' } as PictureView;
  expect(await followJob(session, async () => waiting, AbortSignal.abort())).toBe(waiting);
});
