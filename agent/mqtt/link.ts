// The line to the broker. Each attempt is a fresh client, so nothing but the agent's own store decides what is sent
// again; the backoff is our own (mqtt.js has a fixed second, without jitter).
import type { IClientOptions, MqttClient } from 'mqtt';
import type { Clock, Randomness } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { timings } from '../../shared/limits.ts';
import { encode, type Hello, type UpMessage } from '../../shared/messages.ts';
import { downWildcard, type UpKind, upTopic } from '../../shared/topics.ts';
import { backoffMs } from '../rules/backoff.ts';
import { sleep } from '../sleep.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';

const KEEPALIVE_SECONDS = 30;
const CONNECT_MS = 30_000;
const FAREWELL_MS = 1000;
/** CONNACK return codes of MQTT 3.1.1: bad user name or password, not authorized. */
const REFUSED_CODES = [4, 5];

/** What the link uses of mqtt.js's client. */
export type BrokerClient = Pick<
  MqttClient,
  | 'connect'
  | 'emit'
  | 'end'
  | 'handleMessage'
  | 'on'
  | 'once'
  | 'publish'
  | 'publishAsync'
  | 'stream'
  | 'subscribeAsync'
>;

export interface LinkOptions {
  readonly url: URL;
  readonly deviceId: string;
  readonly secret: string;
  readonly bootId: string;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: (line: string) => void;
  /** Makes a client that is not connected yet; brokerClients is the one for real brokers. */
  readonly createClient: (options: IClientOptions) => BrokerClient;
  /** The first message of every connection. */
  readonly hello: () => Promise<Hello>;
  /** The broker has taken the hello. */
  readonly onReady: () => void;
}

type End = { readonly wasReady: boolean; readonly refused: boolean; readonly message: string };

export class Link {
  private readonly options: LinkOptions;
  private readonly over = new AbortController();
  private client: BrokerClient | null = null;
  private isReady = false;
  private ended: Promise<void> = Promise.resolve();

  constructor(options: LinkOptions) {
    this.options = options;
  }

  start(): void {
    this.ended = this.run();
  }

  /** New reports are in the store. */
  wake(): void {
    this.options.outbox.pump();
  }

  /** Best effort: says whether it was handed to a connection. */
  publish<K extends UpKind>(kind: K, message: UpMessage<K>): boolean {
    if (!this.isReady || !this.client) return false;
    this.client.publish(upTopic(this.options.deviceId, kind), Buffer.from(encode(message)), { qos: 0 });
    return true;
  }

  /** Says that the device goes, and goes. */
  async end(): Promise<void> {
    const { deviceId, bootId } = this.options;
    if (this.isReady && this.client) {
      const farewell = this.client.publishAsync(
        upTopic(deviceId, 'offline'),
        Buffer.from(encode({ bootId, reason: 'shutdown' } satisfies UpMessage<'offline'>)),
        { qos: 1 },
      );
      await this.atMost(farewell.catch(() => {}));
    }
    this.over.abort();
    const { client } = this;
    client?.end();
    // A broker that does not close its side must not keep the process alive.
    await this.atMost(this.ended);
    client?.stream.destroy();
    await this.ended;
  }

  private async atMost(event: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([event, sleep(this.options.clock, FAREWELL_MS, over.signal)]);
    over.abort();
  }

  private async run(): Promise<void> {
    const { clock, randomness, url, log } = this.options;
    let failures = 0;
    let said = '';
    while (!this.over.signal.aborted) {
      const end = await this.connection();
      if (this.over.signal.aborted) return;
      if (end.wasReady) failures = 0;
      const slow = end.refused ? timings.reconnectMaxMs / 2 : 0;
      const bounds = { baseMs: timings.reconnectBaseMs, maxMs: timings.reconnectMaxMs };
      const delayMs = slow + backoffMs(failures++, randomness.uniform(), bounds);
      const line = end.refused
        ? `the server at ${url.href} refuses this device (${end.message}): it was revoked, or is not known there; asking again once in a while`
        : `no connection to ${url.href}: ${end.message}; trying again`;
      if (line !== said || end.wasReady) log(line);
      said = line;
      await sleep(clock, delayMs, this.over.signal);
    }
  }

  /** One connection from its first byte to its end. */
  private connection(): Promise<End> {
    const { url, inbox, outbox, log, clock } = this.options;
    return new Promise((resolve) => {
      const client = this.createClient();
      this.client = client;
      let refused = false;
      let message = 'the connection was closed';
      client.on('error', (error) => {
        message = messageOf(error);
        refused = 'code' in error && REFUSED_CODES.includes(Number(error.code));
        client.end(true);
      });
      client.once('close', () => {
        outbox.detach();
        const wasReady = this.isReady;
        this.isReady = false;
        this.client = null;
        // A refusal may still be on its way through the parser when the socket is closed already.
        clock.after(0, () => resolve({ wasReady, refused, message }));
      });
      client.handleMessage = (packet, done) => {
        try {
          if (packet.cmd === 'publish') inbox.receive(packet.topic, Buffer.from(packet.payload));
          done();
        } catch (error) {
          // Not acknowledged, so the broker keeps it; the next connection brings it again.
          log(`a message could not be stored: ${messageOf(error)}; leaving ${url.href} for now`);
          client.end(true);
        }
      };
      client.on('connect', () => void this.greet(client));
      client.connect();
    });
  }

  private createClient(): BrokerClient {
    const { deviceId, secret, bootId, createClient } = this.options;
    return createClient({
      manualConnect: true,
      protocolVersion: 4,
      clientId: deviceId,
      username: deviceId,
      password: secret,
      clean: false,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_MS,
      keepalive: KEEPALIVE_SECONDS,
      queueQoSZero: false,
      resubscribe: false,
      will: {
        topic: upTopic(deviceId, 'offline'),
        payload: Buffer.from(encode({ bootId, reason: 'lost' } satisfies UpMessage<'offline'>)),
        qos: 1,
        retain: false,
      },
    });
  }

  private async greet(client: BrokerClient): Promise<void> {
    const { deviceId, hello, outbox, onReady } = this.options;
    try {
      await client.subscribeAsync(downWildcard(deviceId), { qos: 1 });
      await client.publishAsync(upTopic(deviceId, 'hello'), Buffer.from(encode(await hello())), { qos: 1 });
      if (client !== this.client) return;
      this.isReady = true;
      onReady();
      outbox.attach((report, done) =>
        client.publish(upTopic(deviceId, 'report'), Buffer.from(encode(report)), { qos: 1 }, done),
      );
    } catch (error) {
      client.emit('error', error as Error);
    }
  }
}
