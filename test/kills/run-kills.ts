// Installations on a real agent under a real server, with one or the other killed in the midst of each; after every
// installation everything is looked at again, from outside.
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { messageOf } from '../../shared/errors.ts';
import { type InstallationState, installationTable } from '../../shared/installation.ts';
import { isFinal, step } from '../../shared/machine.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { Fleet, type Running, type RunningServer, until } from '../e2e/fleet.ts';
import { publish } from '../e2e/publish.ts';
import { createToken } from '../e2e/raw-device.ts';
import { newestInstallation, openRecords, runningPlaces, slotFaults, waitingReports } from './agent-records.ts';
import { childrenOf, isGone, killInState } from './kill-at.ts';
import { randomFrom } from './random.ts';

const DEVICE = 'pi';
const VERSIONS = ['1.0.0', '1.1.0'] as const;
const BALLAST_BYTES = 6 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** States that a device persists, COMMITTED among them: a kill right behind the switch. */
const TARGETS = ['NOTIFIED', 'DOWNLOADING', 'VERIFIED', 'STAGED', 'ACTIVATING', 'PROBING', 'COMMITTED'] as const;
const SETTLES_MS = 180_000;
const MOST_KILLS_A_ROUND = 3;

export interface KillFigures {
  seed: number;
  kills: number;
  /** By what was killed and why then. */
  readonly byKind: Record<'agent in a state' | 'agent at random' | 'server', number>;
  /** By the state that stood on the agent's disk when it was killed. */
  readonly byState: Partial<Record<InstallationState, number>>;
  installations: number;
  readonly outcomes: Partial<Record<InstallationState, number>>;
  transitions: number;
  /** The longest that one installation took, kills and restarts included. */
  longestMs: number;
  readonly violations: string[];
}

/** @param options.until asked between two installations: whether to end before `count` is reached */
export async function runKills(options: {
  readonly count: number;
  readonly seed: number;
  readonly until?: () => boolean;
  readonly log: (line: string) => void;
}): Promise<KillFigures> {
  const bed = new TestBed(options.seed, options.log);
  try {
    await bed.start();
    while (bed.figures.kills < options.count && !options.until?.()) await bed.round();
    return bed.figures;
  } finally {
    await bed.end();
  }
}

class TestBed {
  readonly figures: KillFigures;
  private readonly fleet = new Fleet();
  private readonly uniform: () => number;
  private readonly log: (line: string) => void;
  private server!: RunningServer;
  private agent!: Running;
  private readonly pictures = new Map<string, string>();
  private rounds = 0;
  private usualMs = 3000;

  constructor(seed: number, log: (line: string) => void) {
    this.uniform = randomFrom(seed);
    this.log = log;
    this.figures = {
      ...{ seed, kills: 0, installations: 0, transitions: 0, longestMs: 0, violations: [], outcomes: {}, byState: {} },
      byKind: { 'agent in a state': 0, 'agent at random': 0, server: 0 },
    };
  }

  /** Every version once without a kill: what it does then is what it must do always. */
  async start(): Promise<void> {
    this.server = await this.fleet.server();
    for (const version of VERSIONS) await publish(this.server, this.withBallast(version));
    const token = await createToken(this.server);
    this.agent = await this.fleet.agent(this.server, DEVICE, { token });
    for (const version of VERSIONS) {
      const startedAt = performance.now();
      await this.ends(await this.rollOut(version));
      this.usualMs = performance.now() - startedAt;
      this.pictures.set(version, await this.picture());
    }
    this.log(`an installation without a kill takes ${(this.usualMs / 1000).toFixed(1)} s here`);
  }

  async end(): Promise<void> {
    await this.fleet.end();
  }

  /** One installation, killed one to three times. */
  async round(): Promise<void> {
    this.rounds++;
    const before = this.recorded(runningPlaces)[0]?.version ?? null;
    const version = before === VERSIONS[0] ? VERSIONS[1] : VERSIONS[0];
    const known = this.recorded(newestInstallation)?.installationId;
    const isNew = (id: string) => id !== known;
    const startedAt = performance.now();
    let words = '';
    try {
      const rolloutId = await this.rollOut(version);
      const kills = 1 + Math.floor(this.uniform() * MOST_KILLS_A_ROUND);
      for (let kill = 0; kill < kills && !this.isSettled(isNew); kill++) words += ` ${await this.kill(isNew)}`;
      const state = await this.ends(rolloutId);
      const outcome = await this.settled(isNew);
      words += ` → ${outcome}`;
      this.figures.outcomes[outcome] = (this.figures.outcomes[outcome] ?? 0) + 1;
      const expected = outcome === 'COMMITTED' ? version : before;
      if (state !== (outcome === 'COMMITTED' ? 'SUCCEEDED' : 'STOPPED'))
        this.violation(`the rollout is ${state}, its only installation ${outcome}`);
      await this.checkDevice(expected);
      this.figures.transitions = this.checkTransitions();
    } catch (error) {
      this.violation(messageOf(error));
      await this.recover();
    }
    this.figures.installations++;
    const tookMs = performance.now() - startedAt;
    this.figures.longestMs = Math.max(this.figures.longestMs, tookMs);
    this.log(
      `round ${this.rounds}, ${version}:${words} in ${(tookMs / 1000).toFixed(1)} s (${this.figures.kills} kills)`,
    );
  }

  private get folder(): string {
    return this.fleet.agentData(DEVICE);
  }

  private recorded<T>(read: (database: Database.Database) => T): T {
    const database = openRecords(this.folder);
    try {
      return read(database);
    } finally {
      database.close();
    }
  }

  private async kill(isNew: (id: string) => boolean): Promise<string> {
    const choice = this.uniform();
    if (choice < 0.15) return this.killServer();
    return choice < 0.6 ? this.killAgentInState(isNew) : this.killAgentAtRandom(isNew);
  }

  private async killServer(): Promise<string> {
    await pause(this.uniform() * this.usualMs);
    const { url, mqttUrl, data } = this.server;
    await this.server.kill();
    this.figures.kills++;
    this.figures.byKind.server++;
    await pause(this.uniform() * 1000);
    this.server = await this.fleet.server({ data, http: new URL(url).host, mqtt: new URL(mqttUrl).host });
    return 'server';
  }

  private async killAgentInState(isNew: (id: string) => boolean): Promise<string> {
    const state = TARGETS[Math.floor(this.uniform() * TARGETS.length)] as (typeof TARGETS)[number];
    const children = childrenOf(this.agent.process.pid ?? 0);
    const wanted = { installationId: isNew, state, timeoutMs: Math.max(5000, 3 * this.usualMs) };
    if (!(await killInState(this.agent, this.folder, wanted))) return `(${state} was not seen)`;
    this.figures.byKind['agent in a state']++;
    return this.restartAgent(isNew, children);
  }

  private async killAgentAtRandom(isNew: (id: string) => boolean): Promise<string> {
    await pause(this.uniform() * this.usualMs);
    const children = childrenOf(this.agent.process.pid ?? 0);
    await this.agent.kill();
    this.figures.byKind['agent at random']++;
    return this.restartAgent(isNew, children);
  }

  private async restartAgent(isNew: (id: string) => boolean, children: readonly number[]): Promise<string> {
    this.figures.kills++;
    const now = this.recorded(newestInstallation);
    const state = now && isNew(now.installationId) ? now.state : null;
    const label = state ?? 'QUEUED';
    this.figures.byState[label] = (this.figures.byState[label] ?? 0) + 1;
    await until('the engines of the killed agent to end', 20_000, () => children.every(isGone));
    this.agent = await this.fleet.agent(this.server, DEVICE);
    return label;
  }

  private isSettled(isNew: (id: string) => boolean): boolean {
    const now = this.recorded(newestInstallation);
    return now !== null && isNew(now.installationId) && isFinal(installationTable, now.state);
  }

  private settled(isNew: (id: string) => boolean): Promise<InstallationState> {
    return until('the installation to end on the device', SETTLES_MS, () => {
      const now = this.recorded(newestInstallation);
      return now && isNew(now.installationId) && isFinal(installationTable, now.state) && now.state;
    });
  }

  /** The device's own record, the server's copy, every byte that it runs from, and a picture of it. */
  private async checkDevice(expected: string | null): Promise<void> {
    await until('every report to be acknowledged', SETTLES_MS, () => this.recorded(waitingReports) === 0);
    const newest = this.recorded(newestInstallation);
    const places = this.recorded(runningPlaces);
    const { body } = await this.server.call('GET', `/v1/devices/${DEVICE}`);
    const { running, installations } = body as {
      running: { version: string }[];
      installations: { installationId: string; state: string }[];
    };
    const here = places.map(({ version }) => version).join();
    const there = running.map(({ version }) => version).join();
    if (here !== (expected ?? '')) this.violation(`runs ${here || 'nothing'}, expected ${expected ?? 'nothing'}`);
    if (there !== here)
      this.violation(`the server believes that ${there || 'nothing'} runs, it is ${here || 'nothing'}`);
    const copy = installations.find(({ installationId }) => installationId === newest?.installationId);
    if (copy?.state !== newest?.state) this.violation(`the server has ${copy?.state}, the device ${newest?.state}`);
    for (const place of places)
      for (const fault of slotFaults(this.folder, place)) this.violation(`a mixture in ${place.version}: ${fault}`);
    if (expected && (await this.picture()) !== this.pictures.get(expected))
      this.violation(`a picture of ${expected} has other bytes than before`);
  }

  /** @returns how many the server has stored */
  private checkTransitions(): number {
    const database = new Database(join(this.server.data, 'stillhouse.db'), { readonly: true });
    const rows = database
      .prepare('SELECT installation_id AS id, from_state AS "from", to_state AS "to" FROM transitions ORDER BY rowid')
      .all() as { id: string; from: InstallationState; to: InstallationState }[];
    database.close();
    const at = new Map<string, InstallationState>();
    for (const { id, from, to } of rows) {
      const edge = `${id}: ${from} → ${to}`;
      if (from !== (at.get(id) ?? 'QUEUED')) this.violation(`${edge} follows on ${at.get(id)}: lost or doubled`);
      if (step(installationTable, from, to).kind !== 'moved') this.violation(`${edge} is illegal`);
      at.set(id, to);
    }
    return rows.length;
  }

  private async rollOut(version: string): Promise<string> {
    const { status, body } = await this.server.call('POST', '/v1/rollouts', {
      ...{ model: 'shapes-tiny', version, to: DEVICE },
    });
    if (status !== 201) throw new Error(`the rollout was refused: ${JSON.stringify(body)}`);
    return (body as { rolloutId: string }).rolloutId;
  }

  private ends(rolloutId: string): Promise<string> {
    return until(`rollout ${rolloutId} to end`, SETTLES_MS, async () => {
      const { state } = (await this.server.call('GET', `/v1/rollouts/${rolloutId}`)).body as { state: string };
      return ['SUCCEEDED', 'STOPPED', 'ABORTED'].includes(state) && state;
    });
  }

  /** @returns its sha256 */
  private async picture(): Promise<string> {
    const request = { device: DEVICE, prompt: 'a red circle on white background', seed: 7 };
    const { body } = await this.server.call('POST', '/v1/pictures', request);
    const { pictureId } = body as { pictureId: string };
    return until('a picture', SETTLES_MS, async () => {
      const view = (await this.server.call('GET', `/v1/pictures/${pictureId}`)).body as {
        state: string;
        reason: { message: string } | null;
        result: { sha256: string } | null;
      };
      if (['FAILED', 'TIMED_OUT', 'REJECTED'].includes(view.state))
        throw new Error(`a picture ended ${view.state}: ${view.reason?.message}`);
      return view.result?.sha256;
    });
  }

  private violation(what: string): void {
    this.figures.violations.push(`round ${this.rounds}: ${what}`);
    this.log(`VIOLATION in round ${this.rounds}: ${what}`);
  }

  /** After something that should not be: both processes are there again, so that the next round can begin. */
  private async recover(): Promise<void> {
    if (this.agent.process.exitCode !== null || this.agent.process.signalCode !== null)
      this.agent = await this.fleet.agent(this.server, DEVICE);
  }

  /** A copy of the version with a file that takes a while to fetch, in pieces. */
  private withBallast(version: string): string {
    const folder = join(this.fleet.folder, `version-${version}`);
    cpSync(fileURLToPath(new URL(`../fixtures/shapes-tiny/${version}`, import.meta.url)), folder, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    const ballast = randomBytes(BALLAST_BYTES);
    const path = `${manifest.variants[0]?.folder}/ballast.bin`;
    writeFileSync(join(folder, path), ballast);
    const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    const pieces = Array.from({ length: BALLAST_BYTES / CHUNK_BYTES }, (_, n) =>
      digestOf(ballast.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES)),
    );
    manifest.artifacts.push({
      ...{ path, sha256: digestOf(ballast), sizeBytes: BALLAST_BYTES },
      chunks: { chunkSizeBytes: CHUNK_BYTES, sha256: pieces },
    });
    manifest.variants[0]?.artifacts.push(path);
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    return folder;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
