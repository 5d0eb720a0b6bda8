// The simulated server: a database and files that outlive its process, and the process itself, wired as
// server/start-server.ts does it: the same actions, store, tick, inbox and outbox.
import { recordDelivery } from '../../server/actions/record-delivery.ts';
import { Inbox } from '../../server/mqtt/inbox.ts';
import { Outbox } from '../../server/mqtt/outbox.ts';
import { DatabaseConnection } from '../../server/store/database.ts';
import * as devices from '../../server/store/devices.ts';
import { storeOver } from '../../server/store/open-store.ts';
import { isSecret } from '../../server/store/secrets.ts';
import type { World } from '../../server/store/world.ts';
import { tasksOf } from '../../server/tasks.ts';
import { type Task, Tick } from '../../server/tick.ts';
import type { SimBroker } from './broker.ts';
import type { ServerBugs } from './bugs.ts';
import { SimDatabase } from './database.ts';
import { SimFiles } from './files.ts';
import type { Journal } from './journal.ts';
import { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

export interface ServerOptions {
  readonly schedule: Schedule;
  readonly journal: Journal;
  readonly random: Random;
  readonly broker: SimBroker;
  /** The broker stands inside of it: it stops and forgets with the server. */
  readonly embedded: boolean;
  /** How long a turn of its tick takes, about. */
  readonly turnMs: number;
  readonly bugs: ServerBugs;
  readonly wrote: (tables: ReadonlySet<string>) => void;
}

const BOOT_MS = 2000;
const RECONNECT_MS = 1000;

export class SimServer {
  readonly database = new SimDatabase();
  readonly files = new SimFiles();
  process: SimProcess | null = null;
  world: World | null = null;
  /** Since when it is at work; null while it is not. */
  upSinceMs: number | null = null;
  private boots = 0;
  private readonly options: ServerOptions;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  get isUp(): boolean {
    return (this.process?.isAlive ?? false) && this.world !== null;
  }

  place(): { world: World; process: SimProcess; files: SimFiles } | null {
    const { world, process, files } = this;
    return world && process?.isAlive ? { world, process, files } : null;
  }

  boot(): void {
    if (this.process?.isAlive) return;
    const { schedule, journal, random } = this.options;
    const process = new SimProcess({
      ...{ name: 'server', schedule, random: random.fork(`server ${++this.boots}`), skewMs: () => 0 },
      onDeath: () => this.died(),
    });
    this.process = process;
    journal.line('server', `starts (${this.boots})`);
    this.start(process).catch((error: Error) => {
      if (process.isAlive) throw error;
    });
  }

  cutPower(): void {
    this.process?.die();
    this.database.cutPower(this.options.random);
  }

  /** What the broker asks before it lets a device in. */
  async isKnown(deviceId: string, secret: string): Promise<boolean> {
    const place = this.place();
    if (!place) return !this.options.embedded;
    const hash = await devices.credentialOf(place.world.store.db, deviceId);
    return hash !== null && isSecret(secret, hash);
  }

  /** The broker is there again, after it was gone. */
  reconnect(): void {
    const { process } = this;
    process?.after(RECONNECT_MS, 'reconnects to the broker', () => this.attach());
  }

  private attach = () => {};

  private died(): void {
    const { broker, embedded, schedule, journal, random } = this.options;
    journal.line('server', 'is dead');
    this.world = null;
    this.upSinceMs = null;
    this.attach = () => {};
    broker.serverDied(embedded);
    if (embedded) broker.stop(true);
    schedule.after(BOOT_MS + random.around(5000), 'server boots', () => this.boot());
  }

  private async start(process: SimProcess): Promise<void> {
    const { journal, broker, embedded, bugs, wrote } = this.options;
    const { clock, random: randomness } = process;
    const connection = await DatabaseConnection.over(
      this.database.usedBy(process, {
        before: () => {},
        wrote,
      }),
    );
    const { files } = this;
    const world: World = {
      store: storeOver(connection, { blobs: files, pictures: files }),
      ...{ clock, randomness },
      log: (level, message, details) => {
        if (process.isAlive) journal.line('server', `${level} ${message} ${details ? JSON.stringify(details) : ''}`);
      },
    };
    bugs.opened?.(this.database.sqlite);
    if (embedded) {
      await world.store.write((tx) => devices.allOffline(tx), { durable: false });
      broker.start();
    }
    this.world = world;
    this.upSinceMs = process.schedule.nowMs;
    const inbox = new Inbox(world);
    const receive = (topic: string, payload: Uint8Array) =>
      inbox.receive(topic, payload).catch((error: Error) => {
        if (process.isAlive) world.log('error', 'a message could not be stored', { topic, error: error.message });
      });
    const publisher = broker.publisher();
    const receiveBugged =
      bugs.receive?.(receive, world, (topic, payload) => publisher.publishAsync(topic, payload)) ?? receive;
    this.attach = () => broker.attachServer(receiveBugged);
    this.attach();
    const delivered = (messages: Parameters<typeof recordDelivery>[1]) => recordDelivery(world, messages);
    const outbox = new Outbox(world, publisher, delivered);
    outbox.wake();
    const tasks = this.slowed(process, bugs.tasks?.(tasksOf(world)) ?? tasksOf(world));
    const tick = new Tick({ ...{ tasks, clock }, log: world.log });
    world.store.committed.listen(() => tick.wake());
  }

  /** Work takes time; while a turn lasts, messages come in. */
  private slowed(process: SimProcess, tasks: readonly Task[]): Task[] {
    const { turnMs } = this.options;
    const slow: Task = {
      name: 'take time',
      everyMs: 0,
      run: () =>
        new Promise((resolve) => process.after(1 + process.random.around(turnMs), 'tick', () => resolve(null))),
    };
    return [slow, ...tasks];
  }
}
