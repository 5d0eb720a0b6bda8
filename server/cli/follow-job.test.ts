import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { DeviceDetail, PictureView } from '../../shared/http-api.ts';
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

test('who waits for a device that is away is told so, once', async () => {
  const away: DeviceDetail = {
    ...{ deviceId: `dev_${'0'.repeat(26)}`, name: 'pi-kitchen', online: false, lastSeenMs: 0, revoked: false },
    ...{ deviceClass: 'pi', labels: {}, agentVersion: null, running: [], desiredGeneration: 0, reportedGeneration: 0 },
    ...{ installations: [], shadows: [], inventory: null, telemetry: null, enrolledAtMs: 0 },
  };
  const server = createServer((_, response) => void response.end(JSON.stringify(away))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let told = '';
  const screen = new Screen(false, { write: (text) => (told += text) });
  const client = new Client({ url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), key: 'k' });
  const startedAtMs = performance.now();
  const ask = async () => {
    const state = performance.now() - startedAtMs < 3500 ? 'QUEUED' : 'SUCCEEDED';
    return { device: 'pi-kitchen', state, progress: null } as PictureView;
  };
  await followJob({ client, screen }, ask, new AbortController().signal);
  expect(told).toBe('pi-kitchen is not connected; it takes this on when it comes back\n');
  server.closeAllConnections();
  server.close();
});
