// A device's end of a connection: what the link uses of mqtt.js's client. Each direction keeps its order; a line that is
// cut swallows everything until the keepalive of either end notices.
import { EventEmitter } from 'node:events';
import type { IClientOptions } from 'mqtt';
import type { BrokerClient } from '../../agent/mqtt/link.ts';
import type { Message, Peer, SimBroker } from './broker.ts';
import type { SimLine } from './line.ts';
import type { SimProcess } from './process.ts';

const KEEPALIVE_MS = 45_000;
const CONNECT_MS = 30_000;

export class SimClient extends EventEmitter implements Peer {
  isSubscribed = false;
  readonly will: Message | null;
  handleMessage: BrokerClient['handleMessage'] = (_, done) => done();
  readonly stream = { destroy: () => this.close() };
  private isOpen = false;
  private hasLost = false;
  private isClosed = false;
  private upAtMs = 0;
  private downAtMs = 0;
  private readonly clientId: string;
  private readonly options: IClientOptions;
  private readonly broker: SimBroker;
  private readonly line: SimLine;
  private readonly process: SimProcess;

  constructor(
    options: IClientOptions,
    place: { broker: SimBroker; line: SimLine; process: SimProcess; isKnown: (password: string) => Promise<boolean> },
  ) {
    super();
    this.options = options;
    this.clientId = options.clientId ?? '';
    this.broker = place.broker;
    this.line = place.line;
    this.process = place.process;
    this.isKnown = place.isKnown;
    const { will } = options;
    this.will = will ? { topic: will.topic, payload: will.payload as Uint8Array, qos: 1 } : null;
  }

  private readonly isKnown: (password: string) => Promise<boolean>;

  connect(): this {
    if (this.line.isCut || !this.broker.isUp)
      this.process.after(this.line.isCut ? CONNECT_MS : this.line.delayMs(), 'mqtt connect fails', () =>
        this.fail(new Error(this.line.isCut ? 'connack timeout' : 'connect ECONNREFUSED')),
      );
    else this.process.after(this.line.delayMs() * 2, 'mqtt connect', () => void this.signIn());
    return this;
  }

  private async signIn(): Promise<void> {
    // Cut in the meantime: an open connection of which nobody says that it is gone would be waited on for ever.
    if (this.line.isCut) {
      this.process.after(CONNECT_MS, 'mqtt connect fails', () => this.fail(new Error('connack timeout')));
      return;
    }
    if (!(await this.isKnown(String(this.options.password))))
      return this.fail(Object.assign(new Error('Connection refused: Not authorized'), { code: 5 }));
    if (this.isClosed || !this.process.isAlive) return;
    if (!this.broker.connect(this, this.clientId)) return this.fail(new Error('connect ECONNREFUSED'));
    this.isOpen = true;
    this.hasLost = false;
    this.emit('connect');
  }

  private fail(error: Error): void {
    if (this.isClosed) return;
    this.emit('error', error);
    this.close();
  }

  async subscribeAsync(): Promise<never[]> {
    return new Promise((resolve) => {
      this.up('mqtt subscribe', () =>
        this.down('mqtt suback', () => {
          this.isSubscribed = true;
          resolve([]);
          this.broker.subscribed(this.clientId);
        }),
      );
    });
  }

  publish(topic: string, payload: Buffer, { qos = 0 }: { qos?: number }, done?: (error?: Error) => void): this {
    if (!this.process.survivesEffect()) return this;
    const message = { topic, payload, qos };
    this.up(`mqtt ${topic.slice(topic.lastIndexOf('/') + 1)}`, () => {
      if (qos === 0 && this.line.loses()) return;
      this.broker.publish(message);
      if (qos === 1 && done) this.down('mqtt puback', () => done());
    });
    if (qos === 0) done?.();
    return this;
  }

  publishAsync(topic: string, payload: Buffer, options: { qos?: number }): Promise<undefined> {
    return new Promise((resolve) => this.publish(topic, payload, options, () => resolve(undefined)));
  }

  /** From the broker: `acknowledged` once the client has it on its disk. */
  deliver(message: Message, acknowledged: () => void): void {
    const kind = message.topic.slice(message.topic.lastIndexOf('/') + 1);
    this.down(`mqtt ${kind}`, () => {
      const packet = { cmd: 'publish', ...message, payload: Buffer.from(message.payload), retain: false, dup: false };
      this.handleMessage(packet as never, (error) => {
        if (!error) this.up('mqtt puback', acknowledged);
      });
    });
  }

  end(): this {
    if (this.isOpen) this.broker.disconnect(this, this.clientId, true);
    this.isOpen = false;
    this.process.after(0, 'mqtt end', () => this.close());
    return this;
  }

  /** The other end is gone. */
  lost(why: string): void {
    this.isOpen = false;
    this.isSubscribed = false;
    this.process.after(this.line.isCut ? KEEPALIVE_MS : this.line.delayMs(), 'mqtt lost', () =>
      this.fail(new Error(why)),
    );
  }

  /** The process is gone, or the line is silent: the broker notices after a while. */
  vanish(noticed: 'at once' | 'by keepalive'): void {
    if (!this.isOpen) return;
    const end = () => {
      if (this.isOpen) this.broker.disconnect(this, this.clientId, false);
      if (this.isOpen) this.lost('keepalive timeout');
    };
    const delayMs = noticed === 'at once' ? this.line.delayMs() : KEEPALIVE_MS;
    this.process.schedule.after(delayMs, `${this.process.name} mqtt vanishes`, end);
  }

  private close(): void {
    if (this.isClosed) return;
    if (this.isOpen) this.broker.disconnect(this, this.clientId, false);
    this.isClosed = true;
    this.isOpen = false;
    this.isSubscribed = false;
    this.emit('close');
  }

  /** What travels up goes on also when the process dies behind it. */
  private up(what: string, arrive: () => void): void {
    const { schedule } = this.process;
    this.upAtMs = Math.max(this.upAtMs, schedule.nowMs + this.line.delayMs());
    const label = `${this.process.name} up ${what}`;
    schedule.after(this.upAtMs - schedule.nowMs, label, () => this.passes() && arrive());
  }

  private down(what: string, arrive: () => void): void {
    const { nowMs } = this.process.schedule;
    this.downAtMs = Math.max(this.downAtMs, nowMs + this.line.delayMs());
    this.process.after(this.downAtMs - nowMs, `down ${what}`, () => this.passes() && arrive());
  }

  /** TCP delivers in order: behind what a cut line swallowed nothing comes through until the connection is another. */
  private passes(): boolean {
    this.hasLost ||= this.line.isCut;
    return this.isOpen && !this.hasLost;
  }
}
