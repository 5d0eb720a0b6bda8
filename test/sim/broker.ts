// The simulator's broker: MQTT 3.1.1 as far as both ends use it. Sessions of devices persist, QoS 1 is delivered until it
// is acknowledged (so sometimes twice, and an old one late), a connection keeps its order, the last will is published
// when a connection is lost. It stands inside of the server's process or by itself.
import type { Publisher } from '../../server/mqtt/outbox.ts';
import { parseTopic } from '../../shared/topics.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
}

/** A device's end of a connection. */
export interface Peer {
  readonly isSubscribed: boolean;
  readonly will: Message | null;
  lost(why: string): void;
  deliver(message: Message, acknowledged: () => void): void;
}

interface Session {
  client: Peer | null;
  waiting: Message[];
  busy: boolean;
}

export interface BrokerFaults {
  /** Of a QoS 1 message, each: delivered twice; delivered once more after up to some minutes. */
  duplicate: number;
  lateDuplicate: number;
}

/** Receives what devices send; resolves when it may be acknowledged. */
export type Receive = (topic: string, payload: Uint8Array) => Promise<void>;

const QUEUED_AT_MOST = 1000;
const LATE_MS = 4 * 60_000;

export class SimBroker {
  isUp = true;
  readonly faults: BrokerFaults = { duplicate: 0, lateDuplicate: 0 };
  /** How many messages were delivered twice or late. */
  injected = 0;
  /** A message reaches the server. */
  onMessage: () => void = () => {};
  private readonly schedule: Schedule;
  private readonly random: Random;
  private readonly sessions = new Map<string, Session>();
  private server: Receive | null = null;
  private toServer: Message[] = [];
  private isServing = false;
  private serverEpoch = 0;
  /** What the server published while it was not connected: mqtt.js sends it when it is again. */
  private unsent: { readonly message: Message; readonly answered: () => void }[] = [];

  constructor(schedule: Schedule, random: Random) {
    this.schedule = schedule;
    this.random = random;
  }

  /** The server's own connection; what it had not acknowledged comes again. */
  attachServer(receive: Receive): void {
    this.serverEpoch++;
    this.server = receive;
    this.isServing = false;
    for (const { message, answered } of this.unsent.splice(0)) {
      this.toDevice(message);
      answered();
    }
    this.serve();
  }

  /** The server's own client, over all of its connections. */
  publisher(): Publisher {
    const isConnected = () => this.isUp && this.server !== null;
    return {
      get connected() {
        return isConnected();
      },
      publishAsync: (async (topic: string, payload: string | Buffer) => {
        const message = { topic, payload: Buffer.from(payload), qos: 1 };
        if (isConnected()) this.toDevice(message);
        else await new Promise<void>((answered) => this.unsent.push({ message, answered }));
        return undefined;
      }) as Publisher['publishAsync'],
    };
  }

  /** @param forgets whether what it had for the server is lost with it */
  detachServer(forgets: boolean): void {
    this.serverEpoch++;
    this.server = null;
    this.isServing = false;
    if (forgets) this.toServer = [];
  }

  /** Its process has ended, with what it had not sent. */
  serverDied(forgets: boolean): void {
    this.detachServer(forgets);
    this.unsent = [];
  }

  /** All connections break. @param forgets whether sessions are lost, too */
  stop(forgets: boolean): void {
    this.isUp = false;
    for (const session of this.sessions.values()) {
      session.client?.lost('the broker is gone');
      session.client = null;
      session.busy = false;
      if (forgets) session.waiting = [];
    }
    if (forgets) this.sessions.clear();
  }

  start(): void {
    this.isUp = true;
    this.serve();
  }

  /** @returns false when it is not up */
  connect(client: Peer, clientId: string): boolean {
    if (!this.isUp) return false;
    const session = this.sessions.get(clientId) ?? { client: null, waiting: [], busy: false };
    const { client: other } = session;
    this.sessions.set(clientId, session);
    session.client = null;
    if (other) {
      this.publishWill(other);
      other.lost('another connection of this client took its place');
    }
    session.client = client;
    session.busy = false;
    return true;
  }

  /** The client is ready for what waits for it. */
  subscribed(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session) this.pump(session);
  }

  /** A connection has ended; in order, or so that its will is told. */
  disconnect(client: Peer, clientId: string, inOrder: boolean): void {
    const session = this.sessions.get(clientId);
    if (session?.client !== client) return;
    session.client = null;
    session.busy = false;
    if (!inOrder) this.publishWill(client);
  }

  kick(clientId: string): void {
    const client = this.sessions.get(clientId)?.client;
    if (!client) return;
    this.disconnect(client, clientId, false);
    client.lost('kicked');
  }

  /** From a device to the server. */
  publish(message: Message): void {
    this.toServer.push(message);
    if (message.qos === 1)
      this.again(
        () => this.toServer.push(message),
        () => this.serve(),
      );
    this.serve();
  }

  /** Perhaps once more at once, perhaps once more much later. */
  private again(push: () => void, send: () => void): void {
    if (this.random.chance(this.faults.duplicate)) {
      this.injected++;
      push();
    }
    if (!this.random.chance(this.faults.lateDuplicate)) return;
    this.injected++;
    this.schedule.after(this.random.int(1, LATE_MS), 'broker late duplicate', () => {
      if (!this.isUp) return;
      push();
      send();
    });
  }

  private publishWill(client: Peer): void {
    if (client.will) this.publish(client.will);
  }

  /** One message at a time: the next one comes when the server has dealt with this one. */
  private serve(): void {
    const { server, serverEpoch } = this;
    const message = this.toServer[0];
    if (!server || !this.isUp || this.isServing || !message) return;
    this.isServing = true;
    this.onMessage();
    server(message.topic, message.payload).then(() => {
      if (serverEpoch !== this.serverEpoch) return;
      this.toServer.shift();
      this.isServing = false;
      this.serve();
    });
  }

  private toDevice(message: Message): void {
    const deviceId = parseTopic(message.topic)?.deviceId;
    const session = deviceId === undefined ? undefined : this.sessions.get(deviceId);
    if (!session || session.waiting.length >= QUEUED_AT_MOST) return;
    session.waiting.push(message);
    this.again(
      () => session.waiting.push(message),
      () => this.pump(session),
    );
    this.pump(session);
  }

  private pump(session: Session): void {
    const { client } = session;
    const message = session.waiting[0];
    if (!client?.isSubscribed || session.busy || !message) return;
    session.busy = true;
    client.deliver(message, () => {
      if (session.client !== client) return;
      session.waiting.shift();
      session.busy = false;
      this.pump(session);
    });
  }
}
