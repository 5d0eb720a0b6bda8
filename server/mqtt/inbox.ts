// From a message to one action. A message that does not parse is counted, logged once per device and kind with its first
// bytes, and dropped; it must not stop the ones behind it.
import { type Decoded, decode, type UpMessage, upSchemas } from '../../shared/messages.ts';
import { parseTopic, type UpKind } from '../../shared/topics.ts';
import { recordHello } from '../actions/record-hello.ts';
import { recordOffline } from '../actions/record-offline.ts';
import { recordProgress } from '../actions/record-progress.ts';
import { recordReport } from '../actions/record-report.ts';
import { recordTelemetry } from '../actions/record-telemetry.ts';
import type { TelemetryRow } from '../store/telemetry.ts';
import type { World } from '../store/world.ts';

/** Telemetry is gathered this long, or until so many rows, and stored at once. */
export const telemetryBatch = { waitMs: 1000, rows: 500 } as const;
/**
 * Progress of one thing is stored at most this often; the last word of each always is. Previews are counted apart: plain words
 * between them, which come oftener, would crowd them out.
 */
const PROGRESS_GAP_MS = 200;
const REMEMBERED = 10_000;

export class Inbox {
  /** Messages that did not parse, since the start. */
  malformed = 0;
  private readonly world: World;
  private readonly seenMalformed = new Set<string>();
  private readonly lastProgress = new Map<string, number>();
  private telemetry: TelemetryRow[] = [];
  private stopWaiting: (() => void) | null = null;
  private storing: Promise<void> = Promise.resolve();

  constructor(world: World) {
    this.world = world;
  }

  /** Resolves when the message is stored; telemetry, which may be lost, is taken on trust. */
  async receive(topic: string, payload: Uint8Array): Promise<void> {
    const parsed = parseTopic(topic);
    if (parsed?.direction !== 'up') return;
    const { deviceId, kind } = parsed;
    const decoded: Decoded<UpMessage> = decode(upSchemas[kind], payload);
    if (decoded.kind === 'malformed') return this.countMalformed(deviceId, kind, decoded);
    await this.act(deviceId, kind, decoded.message);
  }

  /** Stores what has been gathered. */
  async flush(): Promise<void> {
    this.stopWaiting?.();
    this.stopWaiting = null;
    const rows = this.telemetry;
    this.telemetry = [];
    if (rows.length > 0) this.storing = this.storing.then(() => this.store(rows));
    await this.storing;
  }

  private async act(deviceId: string, kind: UpKind, message: UpMessage): Promise<void> {
    switch (kind) {
      case 'hello':
        return recordHello(this.world, { deviceId, hello: message as UpMessage<'hello'> });
      case 'report':
        return recordReport(this.world, { deviceId, report: message as UpMessage<'report'> });
      case 'offline':
        return recordOffline(this.world, { deviceId, offline: message as UpMessage<'offline'> });
      case 'progress':
        return this.recordProgress(deviceId, message as UpMessage<'progress'>);
      case 'telemetry':
        return this.gather(deviceId, message as UpMessage<'telemetry'>);
    }
  }

  private async recordProgress(deviceId: string, progress: UpMessage<'progress'>): Promise<void> {
    const subject = progress.of.kind === 'job' ? progress.of.jobId : progress.of.installationId;
    const now = this.world.clock.now();
    const isLast = progress.of.done >= progress.of.total;
    const shows = progress.of.kind === 'job' && progress.of.preview !== undefined;
    const preview = `${subject} preview`;
    if (!isLast && now - (this.lastProgress.get(shows ? preview : subject) ?? 0) < PROGRESS_GAP_MS) return;
    this.remember(subject, now);
    if (shows) this.remember(preview, now);
    await recordProgress(this.world, { deviceId, progress });
  }

  private remember(subject: string, now: number): void {
    this.lastProgress.delete(subject);
    this.lastProgress.set(subject, now);
    const oldest = this.lastProgress.size > REMEMBERED ? this.lastProgress.keys().next() : null;
    if (oldest && !oldest.done) this.lastProgress.delete(oldest.value);
  }

  private async gather(deviceId: string, { samples }: UpMessage<'telemetry'>): Promise<void> {
    for (const sample of samples) this.telemetry.push({ deviceId, sample });
    if (this.telemetry.length >= telemetryBatch.rows) return this.flush();
    this.stopWaiting ??= this.world.clock.after(telemetryBatch.waitMs, () => void this.flush());
  }

  private async store(rows: TelemetryRow[]): Promise<void> {
    try {
      await recordTelemetry(this.world, rows);
    } catch (error) {
      this.world.log('error', 'telemetry could not be stored', { rows: rows.length, error: (error as Error).message });
    }
  }

  private countMalformed(
    deviceId: string,
    kind: UpKind,
    { why, firstBytes }: { why: string; firstBytes: string },
  ): void {
    this.malformed++;
    const key = `${deviceId} ${kind}`;
    if (this.seenMalformed.has(key) || this.seenMalformed.size >= REMEMBERED) return;
    this.seenMalformed.add(key);
    this.world.log('warn', 'a message does not parse; more of this kind from this device are only counted', {
      ...{ deviceId, kind, why, firstBytes },
    });
  }
}
