// The embedded broker: aedes behind a TCP listener. A device signs in with its id as client id and user name and its
// secret as password; it may speak only under its own up/ and listen only to its own down/. The server's own client
// comes in through memory and may read every up/ and write every down/.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import { limits } from '../../shared/limits.ts';
import { downWildcard, parseTopic, UP_WILDCARD } from '../../shared/topics.ts';
import { listenOn } from '../listen-on.ts';
import * as devices from '../store/devices.ts';
import { isSecret } from '../store/secrets.ts';
import type { World } from '../store/world.ts';
import { limitPackets } from './packet-limit.ts';

/** Room for the topic and the fixed parts of a packet. */
const MAX_PACKET_BYTES = limits.mqttMessageBytes + 1024;
const CONNECT_TIMEOUT_MS = 10_000;
const DRAIN_TIMEOUT_MS = 30_000;
const NOT_AUTHORIZED = 5;

export interface Broker {
  readonly port: number;
  /** A connection for the server's own client. */
  connectServer(): Duplex;
  /** Ends a device's connection now. */
  kick(deviceId: string): void;
  connections(): number;
  close(): Promise<void>;
}

export async function startBroker(world: World, listen: { host: string; port: number }): Promise<Broker> {
  const { log } = world;
  const aedes = await Aedes.createBroker({ connectTimeout: CONNECT_TIMEOUT_MS, drainTimeout: DRAIN_TIMEOUT_MS });
  const own = new WeakSet<object>();
  const isServer = (client: Client | null) => client !== null && own.has(client.conn);

  aedes.authenticate = (client, username, password, done) => {
    if (isServer(client)) return done(null, true);
    isDevice(world, client.id, username, password).then(
      (known) => (known ? done(null, true) : done(refusal(), null)),
      (error: Error) => {
        log('error', 'a device could not be signed in', { clientId: client.id, error: error.message });
        done(refusal(), null);
      },
    );
  };
  aedes.authorizePublish = (client, packet, done) => {
    // Retained messages make every subscribe slower, and nothing here needs one.
    if (packet.retain) return done(new Error('retained messages are refused'));
    if (packet.payload.length > limits.mqttMessageBytes) return done(new Error('the message is too large'));
    const topic = parseTopic(packet.topic);
    const allowed = isServer(client)
      ? topic?.direction === 'down'
      : topic?.direction === 'up' && topic.deviceId === client?.id;
    done(allowed ? null : new Error(`not allowed to publish ${packet.topic.slice(0, 100)}`));
  };
  aedes.authorizeSubscribe = (client, subscription, done) => {
    const { topic } = subscription;
    const parsed = parseTopic(topic);
    const allowed = isServer(client)
      ? topic === UP_WILDCARD
      : topic === downWildcard(client.id) || (parsed?.direction === 'down' && parsed.deviceId === client.id);
    done(null, allowed ? subscription : null);
  };
  aedes.on('clientError', (client, error) =>
    log('info', 'a device was cut off', { clientId: client.id, why: error.message }),
  );
  aedes.on('connectionError', (_, error) => log('info', 'a connection was refused', { why: error.message }));

  const server = createServer((socket) => accept(socket));
  const accept = (socket: Socket) => {
    socket.setNoDelay(true);
    limitPackets(socket, MAX_PACKET_BYTES, () =>
      log('warn', 'a connection was ended: its packet is too long', {
        address: socket.remoteAddress,
        MAX_PACKET_BYTES,
      }),
    );
    aedes.handle(socket);
  };
  await listenOn(server, listen, 'MQTT');
  const address = server.address();

  return {
    port: typeof address === 'object' && address ? address.port : listen.port,
    connectServer: () => {
      const [near, far] = duplexPair();
      own.add(far);
      aedes.handle(far);
      return near;
    },
    kick: (deviceId) => clientOf(aedes, deviceId)?.close(),
    connections: () => aedes.connectedClients,
    close: async () => {
      server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
      if (server.listening) await once(server, 'close');
    },
  };
}

function refusal(): AuthenticateError {
  return Object.assign(new Error('not authorized'), { returnCode: NOT_AUTHORIZED }) as AuthenticateError;
}

/** aedes keeps its clients by id, and does not declare it. */
function clientOf(aedes: Aedes, id: string): Client | undefined {
  return (aedes as unknown as { clients: Record<string, Client> }).clients[id];
}

async function isDevice(
  { store }: World,
  clientId: string,
  username: string | undefined,
  password: Buffer | undefined,
): Promise<boolean> {
  if (!clientId || username !== clientId || !password) return false;
  const device = await devices.credentialOf(store.db, clientId);
  return device !== null && isSecret(password.toString(), device);
}
