// How many simulated devices one server process holds, and how long until all are back after it was killed: bare MQTT
// clients that say hello, with the agent's backoff. Each step doubles, roughly, until one misses the limit.
import { parseArgs } from 'node:util';
import type { MqttClient } from 'mqtt';
import { timings } from '../../shared/limits.ts';
import { upTopic } from '../../shared/topics.ts';
import { Fleet, type RunningServer, until } from '../e2e/fleet.ts';
import { connectAs, createToken, enrol, hello, type RawDevice } from '../e2e/raw-device.ts';
import { inTurns } from './in-turns.ts';
import type { PerfResult } from './result.ts';

const STEPS = [500, 1000, 2000, 5000, 10_000];
const BACK_WITHIN_MS = 60_000;
const STEP_LIMIT_MS = 180_000;
/** A fleet's agents do not all try at once: exponential backoff with full jitter, as agent/mqtt does it. */
const LONGEST_BACKOFF_MS = 8000;

class SimulatedDevice {
  private readonly device: RawDevice;
  private client: MqttClient | undefined;
  private ended = false;
  connected = false;

  constructor(device: RawDevice) {
    this.device = device;
  }

  async hold(server: () => RunningServer): Promise<void> {
    for (let attempt = 0; !this.ended; attempt++) {
      try {
        const client = await connectAs(server(), this.device);
        this.client = client;
        client.once('close', () => {
          this.connected = false;
          client.end(true);
          if (!this.ended) void this.hold(server);
        });
        await client.publishAsync(upTopic(this.device.deviceId, 'hello'), Buffer.from(hello()), { qos: 1 });
        this.connected = true;
        return;
      } catch {
        if (this.client?.connected) return;
        const longest = Math.min(LONGEST_BACKOFF_MS, timings.reconnectBaseMs * 2 ** attempt);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
      }
    }
  }

  end(): void {
    this.ended = true;
    this.client?.end(true);
  }
}

export async function measureConnectedDevices(most = STEPS.at(-1) ?? 0): Promise<PerfResult> {
  const fleet = new Fleet();
  const devices: SimulatedDevice[] = [];
  const held: { count: number; backMs: number }[] = [];
  try {
    let server = await fleet.server();
    const token = await createToken(server, { uses: most, expiresInMs: 3600_000 });
    for (const count of STEPS.filter((step) => step <= most)) {
      await inTurns(count - devices.length, async (i) => {
        const name = `device-${devices.length + i}`;
        const { status, body } = await enrol(server, name, token);
        if (status !== 201) throw new Error(`${name}: ${JSON.stringify(body)}`);
        const { deviceId, credential } = body as { deviceId: string; credential: string };
        return new SimulatedDevice({ name, deviceId, credential, secret: credential.slice(`sd_${deviceId}_`.length) });
      }).then((more) => devices.push(...more));
      await inTurns(devices.length, async (i) => {
        const device = devices[i];
        if (device && !device.connected) await device.hold(() => server);
      });
      const all = () => devices.every(({ connected }) => connected);
      await until(`${count} devices to be connected`, STEP_LIMIT_MS, all);
      const { url, mqttUrl, data } = server;
      await server.kill();
      const startedAt = performance.now();
      server = await fleet.server({ data, http: new URL(url).host, mqtt: new URL(mqttUrl).host });
      const back = await until('all to be back', STEP_LIMIT_MS, all).catch(() => false);
      const backMs = performance.now() - startedAt;
      if (!back || backMs > BACK_WITHIN_MS) break;
      held.push({ count, backMs });
    }
    return report(held);
  } finally {
    for (const device of devices) device.end();
    await fleet.end();
  }
}

function report(held: readonly { readonly count: number; readonly backMs: number }[]): PerfResult {
  return {
    name: 'connected-devices',
    what: 'simulated devices on one server, all back < 60 s after a kill',
    value: held.at(-1)?.count ?? 0,
    unit: 'devices',
    goal: 10_000,
    goalIs: 'at least',
    spread: null,
    detail: held.map(({ count, backMs }) => `${count}: back after ${(backMs / 1000).toFixed(1)} s`).join('; '),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { most: { type: 'string' } } });
  console.log(await measureConnectedDevices(values.most === undefined ? undefined : Number(values.most)));
}
