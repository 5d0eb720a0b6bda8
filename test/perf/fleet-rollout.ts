// A rollout of a small version to a thousand devices over real MQTT and HTTP: one server process, and in this one devices
// that do what an agent does on the wire (hello, every transition, manifest, artifacts checked by their digests, the probe's
// bench), without an engine. Egress is what the HTTP sockets of the downloads received, headers and all.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { MqttClient } from 'mqtt';
import type { DesiredModel } from '../../shared/desired-state.ts';
import type { RolloutView } from '../../shared/http-api.ts';
import type { InstallationState } from '../../shared/installation.ts';
import { artifactsForDevice, Manifest } from '../../shared/manifest.ts';
import { type Desired, encode, type ReportBody } from '../../shared/messages.ts';
import { downWildcard, upTopic } from '../../shared/topics.ts';
import { Fleet, type RunningServer, until } from '../e2e/fleet.ts';
import { publish } from '../e2e/publish.ts';
import { connectAs, createToken, enrol, hello, type RawDevice } from '../e2e/raw-device.ts';
import { benchOf } from '../server/made-device.ts';
import { inTurns } from './in-turns.ts';
import type { PerfResult } from './result.ts';

const DEVICES = 1000;
const DOWNLOADS_AT_ONCE = 16;
const GOAL_MS = 60_000;
const EGRESS_GOAL = 1.02;
const LIMIT_MS = 600_000;
const folder = fileURLToPath(new URL('../fixtures/shapes-tiny/1.0.0', import.meta.url));

const sockets = new Set<{ readonly bytesRead: number }>();
const line = new Agent({ keepAlive: true, maxSockets: DOWNLOADS_AT_ONCE });

class WireDevice {
  private readonly server: RunningServer;
  private readonly device: RawDevice;
  private client: MqttClient | undefined;
  private seq = 0;
  private generation = -1;

  constructor(server: RunningServer, device: RawDevice) {
    this.server = server;
    this.device = device;
  }

  async connect(onFault: (error: unknown) => void): Promise<void> {
    const client = await connectAs(this.server, this.device);
    this.client = client;
    client.on('message', (topic, payload) => {
      if (topic.endsWith('/desired')) void this.obey(JSON.parse(payload.toString())).catch(onFault);
    });
    await client.subscribeAsync(downWildcard(this.device.deviceId), { qos: 1 });
    await client.publishAsync(upTopic(this.device.deviceId, 'hello'), Buffer.from(hello()), { qos: 1 });
  }

  end(): void {
    this.client?.end(true);
  }

  private async obey({ desired: { generation, models } }: Desired): Promise<void> {
    if (generation <= this.generation) return;
    this.generation = generation;
    for (const wanted of models) await this.install(wanted);
  }

  private async install(wanted: DesiredModel): Promise<void> {
    const { installationId, model, version, versionDigest, variant, role } = wanted;
    let state: InstallationState = 'NOTIFIED';
    const move = async (to: InstallationState) => {
      await this.report({ kind: 'installation', installationId, from: state, to });
      state = to;
    };
    const manifest = Manifest.parse(JSON.parse((await this.fetch(`/v1/manifests/${versionDigest}`)).toString()));
    await move('DOWNLOADING');
    const own = manifest.variants.find(({ name }) => name === variant);
    if (!own) throw new Error(`no variant ${variant}`);
    for (const { sha256 } of new Map(artifactsForDevice(manifest, own).map((one) => [one.sha256, one])).values()) {
      const bytes = await this.fetch(`/v1/artifacts/${sha256}`);
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`${sha256}: other bytes came`);
    }
    for (const to of ['VERIFIED', 'STAGED', 'ACTIVATING', 'PROBING'] as const) await move(to);
    await this.report({ kind: 'probe', installationId, result: benchOf(wanted) });
    await move('COMMITTED');
    await this.report({ kind: 'running', running: [{ installationId, model, version, versionDigest, variant, role }] });
  }

  private async report(body: ReportBody): Promise<void> {
    const message = encode({ seq: ++this.seq, atMs: Date.now(), body });
    await this.client?.publishAsync(upTopic(this.device.deviceId, 'report'), Buffer.from(message), { qos: 1 });
  }

  private async fetch(path: string): Promise<Buffer> {
    const asked = request(new URL(path, this.server.url), {
      agent: line,
      headers: { authorization: `Bearer ${this.device.credential}` },
    });
    asked.once('socket', (socket) => sockets.add(socket));
    asked.end();
    const [response] = await once(asked, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${Buffer.concat(chunks)}`);
    return Buffer.concat(chunks);
  }
}

export async function measureFleetRollout(count = DEVICES): Promise<PerfResult> {
  const fleet = new Fleet();
  const devices: WireDevice[] = [];
  try {
    const server = await fleet.server();
    const faults: unknown[] = [];
    const published = await publish(server, folder);
    if (published.status !== 201) throw new Error(`not published: ${JSON.stringify(published.body)}`);
    const token = await createToken(server, { uses: count });
    await inTurns(count, async (i) => {
      const name = `device-${i}`;
      const { status, body } = await enrol(server, name, token);
      if (status !== 201) throw new Error(`${name}: ${JSON.stringify(body)}`);
      const { deviceId, credential } = body as { deviceId: string; credential: string };
      const device = new WireDevice(server, {
        name,
        deviceId,
        credential,
        secret: credential.slice(deviceId.length + 4),
      });
      devices.push(device);
      await device.connect((error) => faults.push(error));
    });
    const ended = await rollOut(server, faults);
    const egressBytes = [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    return report(ended, { count, egressBytes });
  } finally {
    for (const device of devices) device.end();
    line.destroy();
    await fleet.end();
  }
}

async function rollOut(server: RunningServer, faults: readonly unknown[]): Promise<RolloutView> {
  const started = await server.call('POST', '/v1/rollouts', { model: 'shapes-tiny', version: '1.0.0', to: 'all' });
  if (started.status !== 201) throw new Error(`not started: ${JSON.stringify(started.body)}`);
  const { rolloutId } = started.body as RolloutView;
  const ended = await until('the rollout to end', LIMIT_MS, async () => {
    if (faults.length > 0) throw faults[0];
    // Showing a thousand installations is work for the server, too.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const rollout = (await server.call('GET', `/v1/rollouts/${rolloutId}`)).body as RolloutView;
    return rollout.endedAtMs !== null && rollout;
  });
  if (ended.state !== 'SUCCEEDED') throw new Error(`${ended.state}: ${ended.explanation}`);
  return ended;
}

function report(
  { startedAtMs, endedAtMs }: RolloutView,
  { count, egressBytes }: { count: number; egressBytes: number },
): PerfResult {
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
  const own = manifest.variants[0];
  if (!own) throw new Error('the version has no variant');
  const files = new Map(artifactsForDevice(manifest, own).map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  const versionBytes = [...files.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  const egress = egressBytes / (versionBytes * count);
  return {
    name: 'fleet-rollout',
    what: `a rollout of a small version to ${count.toLocaleString('en')} devices, until it has succeeded`,
    value: (endedAtMs ?? Number.NaN) - startedAtMs,
    unit: 'ms',
    goal: GOAL_MS,
    goalIs: 'at most',
    spread: null,
    detail:
      `egress ${egress.toFixed(3)} × bytes × devices, manifests and headers included (goal ≤ ${EGRESS_GOAL}); ` +
      `${files.size} artifacts of ${(versionBytes / 1e6).toFixed(2)} MB together; the devices are in one process beside the server`,
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { devices: { type: 'string' } } });
  console.log(await measureFleetRollout(values.devices === undefined ? undefined : Number(values.devices)));
}
