// A device reports. Its sequence number is stored in the same transaction as what it says, so that a report which comes
// twice changes nothing; the acknowledgement is owed from the commit on, never before. A gap in the numbers means that
// the device dropped reports on purpose (its outbox is bounded): the line is in order, so nothing is still to come.
import type { BenchResult } from '../../shared/bench.ts';
import type { BenchSettings } from '../../shared/fit.ts';
import { newId } from '../../shared/ids.ts';
import { jobTable } from '../../shared/job.ts';
import { isFinal, step } from '../../shared/machine.ts';
import type { Ack, Report, ReportBody, RunningModel } from '../../shared/messages.ts';
import { pathOf } from '../rules/installation-path.ts';
import * as benchRuns from '../store/bench-runs.ts';
import type { Db } from '../store/database.ts';
import * as desiredStates from '../store/desired-states.ts';
import * as devices from '../store/devices.ts';
import * as events from '../store/events.ts';
import * as installations from '../store/installations.ts';
import * as jobs from '../store/jobs.ts';
import * as outboxes from '../store/outboxes.ts';
import * as outgoing from '../store/outgoing.ts';
import * as pictures from '../store/pictures.ts';
import * as shadows from '../store/shadows.ts';
import type { World } from '../store/world.ts';

type Said<K extends ReportBody['kind']> = Extract<ReportBody, { kind: K }>;

export async function recordReport(
  { store, clock, randomness, log }: World,
  { deviceId, report }: { deviceId: string; report: Report },
): Promise<void> {
  const nowMs = clock.now();
  const { seq, body, outboxId } = report;
  const outbox = { deviceId, outboxId: outboxId ?? '' };
  await store.write(async (tx) => {
    const device = await devices.byId(tx, deviceId);
    if (!device || device.revoked) return;
    const stored = await outboxes.reportSeq(tx, deviceId, outbox.outboxId);
    if (seq > stored) await recordNew(tx, device, stored);
    const payload: Ack = { upTo: Math.max(seq, stored), serverTimeMs: nowMs, ...(outboxId && { outboxId }) };
    await outgoing.owe(tx, { deviceId, kind: 'ack', subject: outbox.outboxId, payload });
  });

  async function recordNew(tx: Db, device: devices.Device, stored: number): Promise<void> {
    if (seq > stored + 1) log('warn', 'reports are missing', { device: device.name, after: stored, before: seq });
    await outboxes.setReportSeq(tx, { ...outbox, seq });
    await devices.update(tx, deviceId, { online: true, lastSeenMs: nowMs });
    switch (body.kind) {
      case 'installation':
        return recordInstallation(tx, device, body);
      case 'probe':
        return recordProbe(tx, device, body);
      case 'shadow':
        return recordShadow(tx, device, body);
      case 'running':
        return recordRunning(tx, device, body.running);
      case 'job':
        return recordJob(tx, device, body);
    }
  }

  async function recordInstallation(tx: Db, device: devices.Device, said: Said<'installation'>): Promise<void> {
    const known = await installations.find(tx, said.installationId);
    if (known?.deviceId !== deviceId) return refuse(device, said, 'no such installation on this device');
    if (await installations.hasPassed(tx, known.installationId, said.to)) return;
    // A report that leaves NOTIFIED proves the notification; one that leaves a later state proves the states before it.
    const path = pathOf(known.state, said);
    if (!path || installations.hasEnded(known)) return refuse(device, said, `the server has it in ${known.state}`);
    const told = { reportSeq: seq, ...(said.reason && { reason: said.reason }) };
    let moved = known;
    for (const to of path)
      moved = await installations.move(tx, moved, { to, atMs: nowMs, ...(to === said.to && told) });
    if (said.to === 'COMMITTED') await recordRunning(tx, device, withCommitted(device.running, moved));
    else if (installations.hasEnded(moved)) await desiredStates.withdraw(tx, moved, CALLED_OFF, nowMs);
  }

  async function recordProbe(tx: Db, device: devices.Device, said: Said<'probe'>): Promise<void> {
    const known = await installations.find(tx, said.installationId);
    if (known?.deviceId !== deviceId) return refuse(device, said, 'no such installation on this device');
    const benchRunId = newId('brn', nowMs, randomness.bytes);
    await saveBench(tx, device, { benchRunId, jobId: null, installationId: said.installationId, result: said.result });
  }

  async function recordShadow(tx: Db, device: devices.Device, said: Said<'shadow'>): Promise<void> {
    const known = await installations.find(tx, said.installationId);
    if (known?.deviceId !== deviceId) return refuse(device, said, 'no such installation on this device');
    await shadows.insert(tx, { deviceId, comparison: said, receivedAtMs: nowMs });
  }

  async function recordRunning(tx: Db, { name }: devices.Device, running: readonly RunningModel[]): Promise<void> {
    await devices.update(tx, deviceId, { running });
    const versions = running.map(({ model, version, role }) => ({ model, version, role }));
    await events.append(tx, { atMs: nowMs, kind: 'device', subject: name, details: { deviceId, running: versions } });
  }

  async function recordJob(tx: Db, device: devices.Device, said: Said<'job'>): Promise<void> {
    const known = await jobs.find(tx, said.jobId);
    if (known?.handOvers.some((one) => one.deviceId === deviceId)) return;
    if (known?.deviceId !== deviceId) return refuse(device, said, 'no such job on this device');
    if (isFinal(jobTable, known.state)) return;
    const job = known.state === 'QUEUED' ? { ...known, state: 'SENT' as const } : known;
    if (step(jobTable, job.state, said.to).kind !== 'moved') return;
    if (job !== known) await jobs.move(tx, known, { to: 'SENT', atMs: nowMs });
    const change = { to: said.to, atMs: nowMs, ...(said.reason && { reason: said.reason }) };
    if (said.to !== 'SUCCEEDED') return jobs.move(tx, job, change);
    const fault = job.kind === 'bench' ? await keepBench(tx, device, { job, said }) : await pictureFault(tx, said);
    const apart = job.kind === 'bench' && job.request.settings ? { bench: said.bench } : undefined;
    const result = said.picture ?? (said.comparison ? { comparison: said.comparison } : apart);
    if (!fault) return jobs.move(tx, job, { ...change, ...(result && { result }) });
    await jobs.move(tx, job, { to: 'FAILED', atMs: nowMs, reason: fault });
  }

  /** A run with settings of its own stays with its job: gates and tables compare what the variant usually does. */
  async function keepBench(
    tx: Db,
    device: devices.Device,
    { job, said: { jobId, bench, comparison } }: { job: jobs.Job & { kind: 'bench' }; said: Said<'job'> },
  ) {
    if (comparison) return null;
    if (!bench) return { code: 'engine_failed', message: 'the device reported success without a result' } as const;
    const { settings } = job.request;
    if (!settings) await saveBench(tx, device, { benchRunId: jobId, jobId, installationId: null, result: bench });
    if (!settings || wasRunWith(bench, settings)) return null;
    const message = 'the device benched its usual settings instead of those asked for; update its agent';
    return { code: 'invalid_request', message } as const;
  }

  async function pictureFault(tx: Db, { jobId, picture }: Said<'job'>) {
    const stored = await pictures.find(tx, jobId);
    if (stored && stored.sha256 === picture?.sha256) return null;
    const what = stored ? `the picture that came is ${stored.sha256}` : 'no picture came';
    const message = `the device reported the picture ${picture?.sha256 ?? 'without its sha256'}, ${what}`;
    return { code: 'upload_failed', message } as const;
  }

  async function saveBench(
    tx: Db,
    { deviceClass }: devices.Device,
    run: { benchRunId: string; jobId: string | null; installationId: string | null; result: BenchResult },
  ): Promise<void> {
    await benchRuns.insert(tx, { ...run, deviceId, deviceClass, receivedAtMs: nowMs });
  }

  /** The report stays refused: it counts as stored, or the device would send it for ever. */
  function refuse(
    { name }: devices.Device,
    said: Said<'installation' | 'probe' | 'shadow' | 'job'>,
    why: string,
  ): void {
    const { kind, ...rest } = said;
    const { installationId, jobId, from, to } = rest as Record<string, unknown>;
    log('warn', `a report was refused: ${why}`, { device: name, seq, kind, installationId, jobId, from, to });
  }
}

const wasRunWith = ({ steps, resolution }: BenchResult, settings: BenchSettings): boolean =>
  steps === (settings.steps ?? steps) &&
  resolution.width === (settings.width ?? resolution.width) &&
  resolution.height === (settings.height ?? resolution.height);

const CALLED_OFF = {
  to: 'SUPERSEDED',
  reason: { code: 'superseded', message: 'the installation before it ended' },
} as const;

/** COMMITTED says already what the `running` report after it will say. */
function withCommitted(running: readonly RunningModel[], committed: installations.Installation): RunningModel[] {
  const { installationId, model, version, versionDigest, variant, role } = committed;
  const others = running.filter((one) => one.model !== model || one.role !== role);
  return [...others, { installationId, model, version, versionDigest, variant, role }];
}
