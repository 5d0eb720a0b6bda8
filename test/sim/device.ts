// One simulated device: a disk and a database that outlive its agent, and the agent itself, wired as agent/main.ts does it.
import type { Database } from 'better-sqlite3';
import { Bell } from '../../agent/bell.ts';
import { helloOf } from '../../agent/hello.ts';
import { Loop } from '../../agent/loop.ts';
import { Mailbox } from '../../agent/mailbox.ts';
import type { Means } from '../../agent/means.ts';
import { Inbox } from '../../agent/mqtt/inbox.ts';
import { type BrokerClient, Link } from '../../agent/mqtt/link.ts';
import { Outbox } from '../../agent/mqtt/outbox.ts';
import { planMemory } from '../../agent/plan-memory.ts';
import { ResidentEngines } from '../../agent/resident-engines.ts';
import { type Store, storeOver } from '../../agent/store/open-store.ts';
import { startTelemetry } from '../../agent/telemetry.ts';
import { inventory } from '../raspberry-pi.ts';
import type { SimBroker } from './broker.ts';
import type { AgentBugs } from './bugs.ts';
import { SimClient } from './client.ts';
import { SimDatabase } from './database.ts';
import { SimDisk } from './disk.ts';
import { type EngineFaults, enginesOf } from './engines.ts';
import { httpOf, type ServerPlace } from './http.ts';
import type { Journal } from './journal.ts';
import { SimLine } from './line.ts';
import { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import type { Behaviour } from './versions.ts';

export const FOLDER = '/data';
const DISK_BYTES = 400_000;
const BOOT_MS = 3000;

/** What all devices of a simulation share. */
export interface Surroundings {
  readonly schedule: Schedule;
  readonly journal: Journal;
  readonly broker: SimBroker;
  readonly server: ServerPlace;
  readonly behaviourOf: (version: string) => Behaviour;
  readonly bugs: AgentBugs;
  /** A commit of a device's database changed these tables. */
  readonly wrote: (device: SimDevice, tables: ReadonlySet<string>) => void;
  /** Reports up to `upTo` are about to be deleted: the server said that it has them. */
  readonly acknowledged: (device: SimDevice, upTo: number) => void;
  readonly isKnown: (deviceId: string, secret: string) => Promise<boolean>;
}

export class SimDevice {
  readonly name: string;
  readonly deviceId: string;
  readonly line: SimLine;
  readonly engineFaults: EngineFaults = { crashes: 0, hangs: 0 };
  disk = new SimDisk(DISK_BYTES);
  database = new SimDatabase();
  process: SimProcess | null = null;
  store: Store | null = null;
  /** No commit fits on its disk any more. */
  isDatabaseFull = false;
  isGone = false;
  /** Its database has its tables. */
  isSetUp = false;
  /** How many disks it has had. */
  disks = 1;
  /** How far its clock is ahead. */
  skewMs = 0;
  /** How often its agent was started. */
  boots = 0;
  private client: SimClient | null = null;
  private readonly credential: string;
  private readonly random: Random;
  private readonly around: Surroundings;
  private readonly slowness: number;

  constructor(identity: { name: string; deviceId: string; credential: string }, around: Surroundings, random: Random) {
    this.name = identity.name;
    this.deviceId = identity.deviceId;
    this.credential = identity.credential;
    this.around = around;
    this.random = random;
    this.line = new SimLine(random.fork('line'));
    this.slowness = 0.8 + random.uniform();
    this.formatDisk();
  }

  get isAlive(): boolean {
    return this.process?.isAlive ?? false;
  }

  /** Since the start of the simulation. */
  get nowMs(): number {
    return this.around.schedule.nowMs;
  }

  /** Starts the agent, unless it runs or the device is gone. */
  boot(): void {
    if (this.isAlive || this.isGone) return;
    const { schedule, journal, bugs } = this.around;
    const boot = ++this.boots;
    const process = new SimProcess({
      ...{ name: this.name, schedule, random: this.random.fork(`boot ${boot}`), skewMs: () => this.skewMs },
      onDeath: () => this.died(),
    });
    this.process = process;
    journal.line(this.name, `agent starts (${boot})`);
    try {
      this.run(process, `boot-${this.name}-${boot}`);
    } catch (error) {
      if (!process.isAlive) return;
      journal.line(this.name, `agent does not start: ${(error as Error).message}`);
      process.die();
    }
    bugs.started?.(this);
  }

  /** Nobody sees it again. */
  leave(): void {
    this.isGone = true;
    this.process?.die();
  }

  /** The line is cut for good or for a while; both ends notice after a time. */
  cutLine(): void {
    this.line.isCut = true;
    this.client?.vanish('by keepalive');
  }

  /** The broker hears nothing of it for long. */
  silence(): void {
    this.client?.vanish('by keepalive');
  }

  /** The agent ends, and what was not synced may be gone. */
  cutPower(): void {
    this.process?.die();
    this.disk.cutPower(this.random);
    this.database.cutPower(this.random);
  }

  /** The same credential on an empty disk. */
  replaceDisk(): void {
    this.process?.die();
    this.disks++;
    this.isSetUp = false;
    this.database.sqlite.close();
    const { watchesPower, neverDurable } = this.database;
    this.database = new SimDatabase();
    Object.assign(this.database, { watchesPower, neverDurable });
    this.disk = new SimDisk(DISK_BYTES);
    this.formatDisk();
  }

  private formatDisk(): void {
    for (const part of ['blobs', 'slots', 'compiled']) this.disk.makeFolder(`${FOLDER}/${part}`);
    this.disk.syncAll();
  }

  private died(): void {
    this.around.journal.line(this.name, 'agent is dead');
    this.store = null;
    this.client?.vanish('at once');
    this.client = null;
    this.around.schedule.after(BOOT_MS + this.random.around(5000), `${this.name} boots`, () => this.boot());
  }

  /** How a version behaves on this board; every other one is of the kind that a fussy version does not suit. */
  private finds(version: string): Behaviour {
    const behaviour = this.around.behaviourOf(version);
    if (behaviour !== 'fussy') return behaviour;
    return /[02468]$/.test(this.name) ? 'mismatched' : 'good';
  }

  private run(process: SimProcess, bootId: string): void {
    const { schedule, journal, broker, server, bugs } = this.around;
    const { clock } = process;
    const { name, deviceId, line, disk } = this;
    const log = (text: string) => {
      if (process.isAlive) journal.line(name, text);
    };
    const randomness = process.random;
    const bell = new Bell(clock);
    const opened = storeOver({
      database: this.openDatabase(process),
      disk: bugs.disk?.(disk.usedBy(process)) ?? disk.usedBy(process),
      ...{ folder: FOLDER, clock, randomness, onReport: () => process.isAlive && link.wake() },
    });
    this.isSetUp = true;
    const store = bugs.store?.(opened, this) ?? opened;
    this.store = store;
    const { launcher, measure } = enginesOf({
      ...{ process, disk, faults: this.engineFaults, slowness: this.slowness, memoryBytes: 4e9 },
      behaviourOf: (version) => this.finds(version),
    });
    const engines: ResidentEngines = new ResidentEngines({
      launcher,
      clock: store.lifetime,
      crashes: store.crashes,
      onCrash: () => bell.ring(),
      plan: (spec) => planMemory({ store, measure, engines }, spec),
      log,
    });
    const mailbox = new Mailbox({ store, bell, log });
    const inbox = new Inbox({ deviceId, mailbox: bugs.mailbox?.(mailbox, store) ?? mailbox, log });
    const isKnown = (secret: string) => this.around.isKnown(deviceId, secret);
    const link = new Link({
      ...{
        url: new URL('mqtt://simulated'),
        deviceId,
        secret: this.credential.slice(`sd_${deviceId}_`.length),
        bootId,
      },
      ...{ inbox, clock, randomness, log, onReady: () => log('connected') },
      outbox: bugs.outbox?.(store, clock) ?? new Outbox({ outgoing: store.outgoing, clock }),
      createClient: (options) => {
        this.client = new SimClient(options, { broker, line, process, isKnown });
        return this.client as unknown as BrokerClient;
      },
      hello: async () => helloOf({ store, clock }, { bootId, agentVersion: '0.1.0', inventory }),
    });
    const means: Means = {
      ...{ store, clock, randomness, engines, measure, agentVersion: '0.1.0', log },
      ...{ downloadBytesPerSecond: Number.POSITIVE_INFINITY, processor: async () => inventory },
      access: {
        ...{ server: new URL('http://simulated'), credential: this.credential, clock },
        send: httpOf(server, line, process),
      },
      progress: (of) => void link.publish('progress', { atMs: clock.now(), of }),
    };
    const loop = new Loop(means, bell);
    startTelemetry({ ...means, isBusy: () => loop.isBusy }, (telemetry) => link.publish('telemetry', telemetry));
    loop.start();
    schedule.after(0, `${name} link`, () => process.isAlive && link.start());
  }

  private openDatabase(process: SimProcess): Database {
    return this.database.usedBy(process, {
      before: (sql) => {
        if (this.isDatabaseFull && !/^\s*delete/i.test(sql))
          throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      },
      wrote: (tables) => this.around.wrote(this, tables),
      acknowledging: (upTo) => this.around.acknowledged(this, upTo),
    });
  }
}
