import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { StillError } from '../../shared/errors.ts';
import { Client } from './client.ts';
import { follow } from './follow.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server of events; `send` writes one to everybody who listens. */
async function eventServer() {
  const open: ServerResponse[] = [];
  const listening = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    open.push(response);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`);
  const send = (kind: string) => {
    const event = { atMs: 0, kind, subject: 'x', details: {} };
    for (const response of open) response.write(`event: ${kind}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  return { client: new Client({ url, key: 'k' }), send, listeners: () => open.length };
}

const never = new AbortController().signal;

test('asks at once, and again when an event concerns it', { timeout: 5000 }, async () => {
  const { client, send, listeners } = await eventServer();
  let asked = 0;
  const concerns = ({ kind }: { kind: string }) => kind === 'rollout';
  const sending = setInterval(() => {
    if (listeners() > 0) for (const kind of ['picture', 'rollout']) send(kind);
  }, 50);
  // With an interval of an hour, only events can bring the second and the third answer.
  for await (const answer of follow(client, async () => ++asked, { signal: never, concerns, everyMs: 3600_000 }))
    if (answer === 3) break;
  clearInterval(sending);
  expect(asked).toBe(3);
});

test('asks at intervals where there are no events', { timeout: 5000 }, async () => {
  const client = new Client({ url: new URL('http://127.0.0.1:1'), key: 'k' });
  let asked = 0;
  for await (const answer of follow(client, async () => ++asked, { signal: never, concerns: () => true, everyMs: 10 }))
    if (answer === 5) break;
  expect(asked).toBe(5);
});

test('waits for a server that is away, but not for ever', { timeout: 5000 }, async () => {
  const { client } = await eventServer();
  const away = new StillError('unavailable', 'away');
  const answers = [1, away, away, 2, away];
  const ask = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer === 'number') return answer;
    throw answer;
  };
  const seen: number[] = [];
  const following = async () => {
    const options = { signal: never, concerns: () => false, everyMs: 10, patienceMs: 200 };
    for await (const answer of follow(client, ask, options)) seen.push(answer);
  };
  await expect(following()).rejects.toBe(away);
  expect(seen).toEqual([1, 2]);
});

test('any other fault ends it at once', async () => {
  const { client } = await eventServer();
  const fault = new StillError('not_found', 'no such rollout');
  const options = { signal: never, concerns: () => true, everyMs: 10 };
  const following = async () => {
    for await (const _ of follow(client, () => Promise.reject(fault), options));
  };
  await expect(following()).rejects.toBe(fault);
});

test('an abort ends it between two answers', { timeout: 5000 }, async () => {
  const { client } = await eventServer();
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const options = { signal: controller.signal, concerns: () => false, everyMs: 3600_000 };
  for await (const _ of follow(client, async () => 'asked', options));
});
