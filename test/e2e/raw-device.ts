// A device without an agent: enrolled over HTTP, connected with a bare MQTT client. For tests of what a device may do.
import mqtt, { type MqttClient } from 'mqtt';
import { encode, type Hello } from '../../shared/messages.ts';
import { downWildcard, upTopic } from '../../shared/topics.ts';
import { inventory } from '../raspberry-pi.ts';
import type { RunningServer } from './fleet.ts';

export async function createToken(server: RunningServer, body: Record<string, unknown> = {}): Promise<string> {
  const { status, body: created } = await server.call('POST', '/v1/tokens', body);
  if (status !== 201) throw new Error(`no token: ${JSON.stringify(created)}`);
  return (created as { token: string }).token;
}

export interface RawDevice {
  readonly name: string;
  readonly deviceId: string;
  readonly credential: string;
  readonly secret: string;
}

export async function enrol(server: RunningServer, name: string, token: string) {
  return server.call('POST', '/v1/enrol', { token, name, inventory }, 'none');
}

export async function rawDevice(server: RunningServer, name: string): Promise<RawDevice> {
  const { status, body } = await enrol(server, name, await createToken(server));
  if (status !== 201) throw new Error(`not enrolled: ${JSON.stringify(body)}`);
  const { deviceId, credential } = body as { deviceId: string; credential: string };
  return { name, deviceId, credential, secret: credential.slice(`sd_${deviceId}_`.length) };
}

/** Connects once, without any reconnecting; rejects when the broker refuses. */
export async function connect(
  server: RunningServer,
  who: { clientId: string; username: string; password: string },
): Promise<MqttClient> {
  const client = mqtt.connect(server.mqttUrl, { ...who, protocolVersion: 4, reconnectPeriod: 0, clean: true });
  client.on('error', () => {});
  const outcome = await new Promise<'connected' | 'refused'>((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.once('close', () => resolve('refused'));
  });
  if (outcome === 'refused') {
    client.end(true);
    throw new Error('refused');
  }
  return client;
}

export const connectAs = (server: RunningServer, device: RawDevice): Promise<MqttClient> =>
  connect(server, { clientId: device.deviceId, username: device.deviceId, password: device.secret });

export const hello = (over: Partial<Hello> = {}): Uint8Array =>
  encode({
    bootId: 'boot-1',
    agentVersion: '0.1.0',
    generation: -1,
    running: [],
    installations: [],
    jobs: [],
    inventory,
    atMs: Date.now(),
    ...over,
  } satisfies Hello);

/** Subscribes to the device's own topics and says hello; `heard` fills with what the server sends. */
export async function sayHello(client: MqttClient, device: RawDevice, over: Partial<Hello> = {}) {
  const heard: { topic: string; message: Record<string, unknown> }[] = [];
  client.on('message', (topic, payload) => heard.push({ topic, message: JSON.parse(payload.toString()) }));
  await client.subscribeAsync(downWildcard(device.deviceId), { qos: 1 });
  await client.publishAsync(upTopic(device.deviceId, 'hello'), Buffer.from(hello(over)), { qos: 1 });
  return heard;
}
