// From the store to the broker: reads what is owed to devices within reach, publishes it, and says so. A crash between
// publishing and saying so sends a message twice, which changes nothing on a device.
import type { MqttClient } from 'mqtt';
import { downTopic } from '../../shared/topics.ts';
import * as outgoing from '../store/outgoing.ts';
import type { World } from '../store/world.ts';

const AT_ONCE = 500;
const RETRY_MS = 500;

/** What the outbox uses of mqtt.js's client. */
export type Publisher = Pick<MqttClient, 'publishAsync'>;

export class Outbox {
  private readonly world: World;
  private readonly client: Publisher;
  private readonly delivered: (messages: readonly outgoing.OwedMessage[]) => Promise<void>;
  private readonly stopListening: () => void;
  private running: Promise<void> | null = null;
  private again = false;
  private stopped = false;

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
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        const due = await outgoing.due(this.world.store.db, AT_ONCE);
        if (due.length === 0) continue;
        await Promise.all(due.map((message) => this.publish(message)));
        await this.delivered(due);
        this.again = true;
      } catch (error) {
        this.world.log('warn', 'messages could not be sent yet', { error: (error as Error).message });
        this.world.clock.after(RETRY_MS, () => this.wake());
        return;
      }
    }
  }

  private async publish({ deviceId, kind, payload }: outgoing.OwedMessage): Promise<void> {
    await this.client.publishAsync(downTopic(deviceId, kind), payload, { qos: 1 });
  }
}
