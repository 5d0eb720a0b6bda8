// The server as an ordinary MQTT client: of the embedded broker through memory, or of any other by its URL.
import type { Duplex } from 'node:stream';
import { connect, type IClientOptions, MqttClient } from 'mqtt';
import { UP_WILDCARD } from '../../shared/topics.ts';
import type { Log } from '../store/world.ts';

const RECONNECT_MS = 1000;

export type BrokerPlace =
  | { readonly kind: 'embedded'; readonly open: () => Duplex }
  | { readonly kind: 'external'; readonly url: string };

export interface ServerClient {
  readonly client: MqttClient;
  connected(): boolean;
  close(): Promise<void>;
}

/**
 * `handle` gets each message and resolves when it is stored; only then is it acknowledged to the broker (mqtt.js
 * acknowledges after handleMessage, not after its 'message' listeners).
 */
export async function connectServer(
  place: BrokerPlace,
  { handle, log }: { handle: (topic: string, payload: Uint8Array) => Promise<void>; log: Log },
): Promise<ServerClient> {
  const options: IClientOptions = {
    clientId: 'stillhouse-server',
    protocolVersion: 4,
    clean: place.kind === 'embedded',
    reconnectPeriod: RECONNECT_MS,
    reconnectOnConnackError: true,
    // Each subscribe is ours to make, once; a new connection repeats it.
    resubscribe: true,
    queueQoSZero: false,
  };
  const client =
    place.kind === 'embedded'
      ? new MqttClient(() => place.open(), { ...options, keepalive: 0 })
      : connect(place.url, options);
  client.handleMessage = (packet, done) => {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    // Whatever goes wrong with one message must not hold up the next one.
    handle(packet.topic, payload).then(
      () => done(),
      (error: Error) => {
        log('error', 'a message could not be stored', { topic: packet.topic, error: error.stack ?? error.message });
        done();
      },
    );
  };
  client.on('error', (error) => log('warn', 'the connection to the broker failed', { error: error.message }));
  await client.subscribeAsync(UP_WILDCARD, { qos: 1 });
  return {
    client,
    connected: () => client.connected,
    close: () => client.endAsync(true),
  };
}
