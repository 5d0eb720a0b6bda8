// The agent's core in this process, wired as main.ts does it, over fake engines and the little server.
import { randomBytes, randomUUID } from 'node:crypto';
import { Bell } from '../../agent/bell.ts';
import { helloOf } from '../../agent/hello.ts';
import { Loop } from '../../agent/loop.ts';
import { Mailbox } from '../../agent/mailbox.ts';
import type { Means } from '../../agent/means.ts';
import { brokerClients } from '../../agent/mqtt/broker-clients.ts';
import { Inbox } from '../../agent/mqtt/inbox.ts';
import { Link } from '../../agent/mqtt/link.ts';
import { Outbox } from '../../agent/mqtt/outbox.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { openStore, type Store } from '../../agent/store/open-store.ts';
import { systemClock } from '../../agent/system-clock.ts';
import type { Clock } from '../../shared/clock.ts';
import type { FakeEngines } from './fake-engines.ts';
import type { LittleServer } from './little-server.ts';

export interface WholeAgent {
  readonly store: Store;
  readonly inbox: Inbox;
  readonly link: Link;
  readonly lines: string[];
  readonly engines: ResidentEngines;
  /** Ends in order. */
  stop(): Promise<void>;
}

const inventory = {
  ...{ architecture: 'arm64', hardwareModel: 'Raspberry Pi 5 Model B Rev 1.0', cpuModel: 'Cortex-A76', cores: 4 },
  ...{ cpuFeatures: ['asimddp'], memoryBytes: 8e9, diskFreeBytes: 1e10, diskTotalBytes: 3e10, os: 'Debian 12' },
  ...{ kernel: '6.6', nodeVersion: 'v24', agentVersion: '0.0.0', hostname: 'pi', runtimes: [] },
};

/** @param onReport called after each report is stored; the store may be read and copied a microtask later */
export function startAgent(
  server: LittleServer,
  fake: FakeEngines,
  options: { folder: string; onReport?: () => void; clock?: Clock },
): WholeAgent {
  const { folder, onReport, clock = systemClock } = options;
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const randomness = { uniform: () => 0.1, bytes: (count: number) => randomBytes(count) };
  const bell = new Bell(clock);
  const store = openStore({
    ...{ folder, clock, randomness },
    onReport: () => {
      link.wake();
      onReport?.();
    },
  });
  const engines = new ResidentEngines({
    ...{ launcher: fake.launcher, clock: store.lifetime, crashes: store.crashes, log },
    onCrash: () => bell.ring(),
  });
  const bootId = randomUUID();
  const inbox = new Inbox({ deviceId: server.deviceId, mailbox: new Mailbox({ store, bell, log }), log });
  const link = new Link({
    ...{
      url: new URL(server.mqttUrl),
      deviceId: server.deviceId,
      secret: 'secret',
      bootId,
      inbox,
      clock,
      randomness,
      log,
    },
    createClient: brokerClients(new URL(server.mqttUrl), log),
    outbox: new Outbox({ outgoing: store.outgoing, clock }),
    hello: async () => helloOf({ store, clock }, { bootId, agentVersion: '0.0.0', inventory }),
    onReady: () => lines.push('ready'),
  });
  const means: Means = {
    ...{ downloadBytesPerSecond: Number.POSITIVE_INFINITY, processor: async () => inventory },
    ...{ store, clock, randomness, engines, measure: fake.measure, agentVersion: '0.0.0', log },
    access: { server: new URL(server.url), credential: server.credential, clock },
    progress: (of) => void link.publish('progress', { atMs: clock.now(), of }),
  };
  const loop = new Loop(means, bell);
  loop.start();
  link.start();
  return {
    ...{ store, inbox, link, lines, engines },
    async stop() {
      await loop.stop();
      await Promise.all([link.end(), engines.closeAll()]);
      store.close();
    },
  };
}
