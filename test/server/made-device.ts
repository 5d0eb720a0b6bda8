// A device as the server sees it: what it says goes straight into the actions, what it is owed is read from the store.
import { createToken } from '../../server/actions/create-token.ts';
import { enrolDevice } from '../../server/actions/enrol-device.ts';
import { recordDelivery } from '../../server/actions/record-delivery.ts';
import { recordHello } from '../../server/actions/record-hello.ts';
import { recordOffline } from '../../server/actions/record-offline.ts';
import { recordReport } from '../../server/actions/record-report.ts';
import * as outgoing from '../../server/store/outgoing.ts';
import type { World } from '../../server/store/world.ts';
import type { BenchResult } from '../../shared/bench.ts';
import type { DesiredModel, DesiredState } from '../../shared/desired-state.ts';
import type { Labels } from '../../shared/ids.ts';
import type { InstallationState } from '../../shared/installation.ts';
import type { Inventory } from '../../shared/inventory.ts';
import type { Ack, Command, Desired, Hello, ReportBody, RunningModel } from '../../shared/messages.ts';
import { inventory } from '../raspberry-pi.ts';

export function benchOf(wanted: DesiredModel, over: Partial<BenchResult> = {}): BenchResult {
  const latencyMs = 50;
  return {
    ...{ mode: 'probe', model: wanted.model, version: wanted.version, versionDigest: wanted.versionDigest },
    ...{ variant: wanted.variant, runtimeVersion: '1', agentVersion: '1', threads: 1, steps: 4 },
    resolution: { width: 64, height: 64 },
    ...{ loadMs: 1, coldLatencyMs: 60, latencyMsP50: latencyMs, latencyMsP90: null, latencyMsP99: null },
    ...{ latencyMsMean: latencyMs, latencyMsStdev: 0, stagesMsP50: {}, peakRssBytes: 150e6, anonymousBytes: 100e6 },
    ...{ parameters: 1000, cpuShare: 1, temperatureMaxCelsius: null, disturbances: [] },
    quality: { score: 4.5, adherence: 0.9, whole: 0.8, pictures: Array<number>(20).fill(0.9) },
    samples: Array.from({ length: 10 }, () => ({ latencyMs, stagesMs: {} })),
    ...{ startedAtMs: 1, endedAtMs: 2 },
    ...over,
  };
}

export class MadeDevice {
  readonly name: string;
  readonly deviceId: string;
  private readonly world: World;
  private seq = 0;
  generation = -1;
  running: RunningModel[] = [];
  readonly acks: number[] = [];
  readonly commands: Command[] = [];
  desired: DesiredState | null = null;

  private constructor(world: World, name: string, deviceId: string) {
    this.world = world;
    this.name = name;
    this.deviceId = deviceId;
  }

  static async enrol(
    world: World,
    name: string,
    labels: Labels = {},
    over: Partial<Inventory> = {},
  ): Promise<MadeDevice> {
    const { token } = await createToken(world, { uses: 1, expiresInMs: 60_000, labels, actor: 'test' });
    const { deviceId } = await enrolDevice(world, { token, name, labels: {}, inventory: { ...inventory, ...over } });
    return new MadeDevice(world, name, deviceId);
  }

  async hello(over: Partial<Hello> = {}): Promise<void> {
    const { generation, running } = this;
    const hello: Hello = {
      ...{
        bootId: 'boot',
        agentVersion: '0.1.0',
        generation,
        running,
        installations: [],
        jobs: [],
        inventory,
        atMs: 0,
      },
      ...over,
    };
    await recordHello(this.world, { deviceId: this.deviceId, hello });
    await this.receive();
  }

  async goodbye(): Promise<void> {
    await recordOffline(this.world, { deviceId: this.deviceId, offline: { bootId: 'boot', reason: 'lost' } });
  }

  /** Takes what the outbox would send to it. */
  async receive(): Promise<void> {
    const due = (await outgoing.due(this.world.store.db, 1000)).filter(({ deviceId }) => deviceId === this.deviceId);
    for (const { kind, payload } of due) {
      const message: unknown = JSON.parse(payload);
      if (kind === 'ack') this.acks.push((message as Ack).upTo);
      else if (kind === 'command') this.commands.push(message as Command);
      else this.take((message as Desired).desired);
    }
    await recordDelivery(this.world, due);
  }

  /** The agent's one rule: newest wins. What is named again under an id that was committed runs again at once. */
  private take(desired: DesiredState): void {
    if (desired.generation <= this.generation) return;
    this.generation = desired.generation;
    this.desired = desired;
  }

  /** @param outboxId of the disk that numbered it */
  async report(body: ReportBody, seq = ++this.seq, outboxId?: string): Promise<void> {
    this.seq = Math.max(this.seq, seq);
    const report = { seq, atMs: 0, body, ...(outboxId && { outboxId }) };
    await recordReport(this.world, { deviceId: this.deviceId, report });
  }

  async move(installationId: string, from: InstallationState, to: InstallationState, reason?: string): Promise<void> {
    await this.report({
      ...{ kind: 'installation', installationId, from, to },
      ...(reason && { reason: { code: 'load_failed', message: reason } }),
    });
  }

  async run(running: RunningModel[]): Promise<void> {
    this.running = running;
    await this.report({ kind: 'running', running });
  }

  /** Installs the first model that is wanted and does not run, and measures it. */
  async install(over: Partial<BenchResult> = {}, ending: 'COMMITTED' | 'ROLLED_BACK' = 'COMMITTED'): Promise<void> {
    const isRunning = (id: string) => this.running.some(({ installationId }) => installationId === id);
    const wanted = this.desired?.models.find(({ installationId }) => !isRunning(installationId));
    if (!wanted) throw new Error(`${this.name} was told to install nothing`);
    const { installationId, model, version, versionDigest, variant, role } = wanted;
    const states: InstallationState[] = ['NOTIFIED', 'DOWNLOADING', 'VERIFIED', 'STAGED', 'ACTIVATING', 'PROBING'];
    for (let i = 1; i < states.length; i++)
      await this.move(installationId, states[i - 1] as InstallationState, states[i] as InstallationState);
    await this.report({ kind: 'probe', installationId, result: benchOf(wanted, over) });
    await this.move(installationId, 'PROBING', ending, ending === 'COMMITTED' ? undefined : 'golden pictures differ');
    const others = this.running.filter((one) => one.model !== model || one.role !== role);
    const next = { installationId, model, version, versionDigest, variant, role };
    if (ending === 'COMMITTED') await this.run([...others, next]);
    await this.receive();
  }
}
