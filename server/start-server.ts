// Puts the rooms together and takes them apart again; decides nothing.
import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { createFirstKey } from './actions/create-first-key.ts';
import { recordDelivery } from './actions/record-delivery.ts';
import type { Config } from './config.ts';
import { builtInstallFolder } from './http/install.ts';
import { startHttp } from './http/server.ts';
import { type Broker, startBroker } from './mqtt/broker.ts';
import { Inbox } from './mqtt/inbox.ts';
import { Outbox } from './mqtt/outbox.ts';
import { connectServer } from './mqtt/server-client.ts';
import * as audit from './store/audit.ts';
import * as devices from './store/devices.ts';
import { openStore } from './store/open-store.ts';
import type { World } from './store/world.ts';
import { tasksOf } from './tasks.ts';
import { Tick } from './tick.ts';

export interface RunningServer {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  /** In order: takes nothing new, ends what is under way, closes. */
  stop(): Promise<void>;
}

const DEFAULT_MQTT_PORT = 1883;

export async function startServer(
  config: Config,
  surroundings: Omit<World, 'store'> & { version: string },
): Promise<RunningServer> {
  const { clock, randomness, log, version } = surroundings;
  const store = await openStore(config.data);
  const world: World = { store, clock, randomness, log };
  const ending: (() => Promise<unknown>)[] = [() => store.close()];
  /** The last that was started ends first; one that fails does not keep the others from ending. */
  const stop = async () => {
    for (let end = ending.pop(); end; end = ending.pop())
      await end().catch((error: unknown) => log('error', 'stopping failed', { error: messageOf(error) }));
  };
  try {
    await createFirstKey(world, (key) => keepPrivate(join(config.data, 'admin.key'), `${key}\n`));
    const broken = await audit.firstBreak(store.db);
    if (broken !== null) log('error', 'the audit was changed behind the back of the server', { fromSequence: broken });
    const broker = config.broker === null ? await startEmbedded() : null;
    const inbox = new Inbox(world);
    ending.push(() => inbox.flush());
    const serverClient = await connectServer(
      broker ? { kind: 'embedded', open: broker.connectServer } : { kind: 'external', url: config.broker ?? '' },
      { handle: (topic, payload) => inbox.receive(topic, payload), log },
    );
    ending.push(serverClient.close);
    const outbox = new Outbox(world, serverClient.client, (messages) => recordDelivery(world, messages));
    ending.push(() => outbox.stop());
    outbox.wake();
    const tick = new Tick({ tasks: tasksOf(world), clock, log });
    const stopWaking = store.committed.listen(() => tick.wake());
    ending.push(async () => {
      stopWaking();
      await tick.stop();
    });
    const http = await startHttp(world, {
      ...config.http,
      version,
      egressBytesPerSecond: config.egressBytesPerSecond,
      mqtt: { port: broker?.port ?? portOf(config.broker), url: config.broker },
      installFolder: builtInstallFolder(),
      checks: async () => ({
        database: await devices.isReadable(store.db).then(
          () => 'ok',
          (error) => messageOf(error),
        ),
        broker: serverClient.connected() ? 'ok' : 'not connected',
      }),
      kick: (deviceId) => broker?.kick(deviceId),
    });
    ending.push(http.close);
    const httpUrl = `http://${printHost(config.http.host)}:${http.port}`;
    const mqttUrl = config.broker ?? `mqtt://${printHost(config.mqtt.host)}:${broker?.port}`;
    await keepPrivate(
      join(config.data, 'server.json'),
      `${JSON.stringify({ http: httpUrl, mqtt: mqttUrl, pid: process.pid, startedAtMs: clock.now() })}\n`,
    );
    return { httpUrl, mqttUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  /** With our own broker every connection begins anew, so nobody is online yet. */
  async function startEmbedded(): Promise<Broker> {
    await store.write((tx) => devices.allOffline(tx), { durable: false });
    const broker = await startBroker(world, config.mqtt);
    ending.push(broker.close);
    return broker;
  }
}

/** Whole or not at all, and readable by its owner alone. */
async function keepPrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

/** An address that means "every" is no address to go to. */
function printHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

const portOf = (url: string | null): number => Number(URL.parse(url ?? '')?.port) || DEFAULT_MQTT_PORT;
