// The outbox over a client that answers when it is told to.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MadeDevice } from '../../test/server/made-device.ts';
import { makeWorld, type TestWorld } from '../../test/server/make-world.ts';
import * as outgoing from '../store/outgoing.ts';
import { Outbox, type Publisher } from './outbox.ts';

let world: TestWorld;
let outbox: Outbox;
let timers: { delayMs: number; action: () => void }[];
const client = { connected: true, published: [] as string[], answers: (_: string) => true };
const publisher = {
  get connected() {
    return client.connected;
  },
  publishAsync: ((topic: string) => {
    client.published.push(topic);
    return client.answers(topic) ? Promise.resolve(undefined) : new Promise(() => {});
  }) as Publisher['publishAsync'],
} satisfies Publisher;

beforeEach(async () => {
  Object.assign(client, { connected: true, published: [], answers: () => true });
  timers = [];
  const made = await makeWorld();
  const after = (delayMs: number, action: () => void) => {
    const timer = { delayMs, action };
    timers.push(timer);
    return () => {
      timers = timers.filter((one) => one !== timer);
    };
  };
  world = { ...made, clock: { ...made.clock, after } };
  for (const name of ['pi-1', 'pi-2']) {
    const pi = await MadeDevice.enrol(world, name);
    await pi.hello();
    await world.store.write((tx) => outgoing.forgive(tx, pi.deviceId));
    await world.store.write((tx) => outgoing.owe(tx, { deviceId: pi.deviceId, kind: 'ack', payload: { upTo: 1 } }));
  }
  outbox = new Outbox(world, publisher, (messages) =>
    world.store.write((tx) =>
      outgoing.settle(
        tx,
        messages.map(({ outgoingId }) => outgoingId),
      ),
    ),
  );
});
afterEach(() => world.end());

const owed = async () => (await outgoing.due(world.store.db, 10)).length;
/** What was waited for has waited long enough. */
const passes = (delayMs: number) => {
  for (const { action } of timers.splice(0).filter((timer) => timer.delayMs <= delayMs)) action();
};

it('a publish that is never answered holds up no other, and is sent anew after 30 s', async () => {
  client.answers = (topic) => topic !== client.published[0];
  outbox.wake();
  await vi.waitFor(() => expect(client.published).toHaveLength(2));
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([30_000]);
  expect(await owed()).toBe(2);
  client.answers = () => true;
  passes(30_000);
  await vi.waitFor(async () => expect(await owed()).toBe(0));
  expect(client.published).toEqual([client.published[0], client.published[1], client.published[0]]);
  expect(world.logged).toMatchObject([{ details: { error: 'the broker has not answered within 30 s' } }]);
  await outbox.stop();
});

it('nothing is published while there is no connection', async () => {
  client.connected = false;
  outbox.wake();
  await vi.waitFor(() => expect(timers.map(({ delayMs }) => delayMs)).toEqual([500]));
  expect(client.published).toEqual([]);
  client.connected = true;
  passes(500);
  await vi.waitFor(async () => expect(await owed()).toBe(0));
  await outbox.stop();
});

it('a server that stops does not wait for a broker that is away', async () => {
  client.answers = () => false;
  outbox.wake();
  await vi.waitFor(() => expect(client.published).toHaveLength(2));
  await outbox.stop();
  expect(await owed()).toBe(2);
});
