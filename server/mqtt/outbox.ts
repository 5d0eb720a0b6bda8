// From the store to the broker: reads what is owed to devices within reach, publishes it, and says so. A crash between
// publishing and saying so sends a message twice, which changes nothing on a device. While there is no connection nothing
// is published, for mqtt.js would keep it and send it beside what is sent anew; what was on its way when a connection was
// lost it sends again by itself, and where it does not (it ended, or lost count) the answer is not waited for without end.
import type { MqttClient } from 'mqtt';
import { downTopic } from '../../shared/topics.ts';
import * as outgoing from '../store/outgoing.ts';
import type { World } from '../store/world.ts';

const AT_ONCE = 500;
const RETRY_MS = 500;
const ANSWER_WITHIN_MS = 30_000;

/** What the outbox uses of mqtt.js's client. */
export type Publisher = Pick<MqttClient, 'publishAsync' | 'connected'>;

export class Outbox {
  private readonly world: World;
  private readonly client: Publisher;
  private readonly delivered: (messages: readonly outgoing.OwedMessage[]) => Promise<void>;
  private readonly stopListening: () => void;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;
  private waitNoLonger: (why: string) => void = () => {};

  /** @param delivered is told which messages the broker has */
  constructor(
    world: World,
    client: Publisher,
    delivered: (messages: readonly outgoing.OwedMessage[]) => Promise<void>,
  ) {
    this.world = world;
    this.client = client;
    this.delivered = delivered;
    this.stopListening = world.store.committed.listen(() => this.wake());
  }

  /** Looks into the store soon; any number of calls make one look. */
  wake(): void {
    this.again = true;
    if (this.stopped) return;
    this.running ??= this.run().finally(() => {
      this.running = null;
      if (this.again) this.wake();
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stopListening();
    this.waitNoLonger('the server stops');
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        const due = await outgoing.due(this.world.store.db, AT_ONCE);
        if (due.length === 0) continue;
        if (!this.client.connected) return this.lookLater();
        await this.send(due);
        this.again = true;
      } catch (error) {
        this.world.log('warn', 'messages could not be sent yet', { error: (error as Error).message });
        return this.lookLater();
      }
    }
  }

  private lookLater(): void {
    this.world.clock.after(RETRY_MS, () => this.wake());
  }

  /** @throws when some could not be sent, or were not answered in time; the others have been delivered */
  private async send(messages: readonly outgoing.OwedMessage[]): Promise<void> {
    const answered: outgoing.OwedMessage[] = [];
    const publish = async (message: outgoing.OwedMessage) => {
      const { deviceId, kind, payload } = message;
      await this.client.publishAsync(downTopic(deviceId, kind), payload, { qos: 1 });
      answered.push(message);
    };
    const sent = await this.inTime(Promise.all(messages.map(publish))).catch((fault: Error) => fault);
    if (answered.length > 0) await this.delivered([...answered]);
    if (sent instanceof Error) throw sent;
  }

  /** The same, but it fails when it takes too long or the server stops. */
  private async inTime<T>(answers: Promise<T>): Promise<T> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    this.waitNoLonger = (why) => reject(new Error(why));
    const late = () => this.waitNoLonger(`the broker has not answered within ${ANSWER_WITHIN_MS / 1000} s`);
    const cancel = this.world.clock.after(ANSWER_WITHIN_MS, late);
    try {
      return await Promise.race([answers, over]);
    } finally {
      cancel();
      this.waitNoLonger = () => {};
    }
  }
}
