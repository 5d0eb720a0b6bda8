// Where the network meets the loop. What arrives is on disk before it is acknowledged; the loop is woken and reads it
// there at its own pace.

import type { DesiredState } from '../shared/desired-state.ts';
import { jobTable } from '../shared/job.ts';
import { limits } from '../shared/limits.ts';
import { isFinal } from '../shared/machine.ts';
import type { Ack, Command } from '../shared/messages.ts';
import type { Bell } from './bell.ts';
import type { JobRequest } from './store/jobs.ts';
import type { Store } from './store/open-store.ts';

export class Mailbox {
  private readonly store: Store;
  private readonly bell: Bell;
  private readonly log: (line: string) => void;

  constructor(options: { store: Store; bell: Bell; log: (line: string) => void }) {
    this.store = options.store;
    this.bell = options.bell;
    this.log = options.log;
  }

  desired(desired: DesiredState): void {
    if (!this.store.desired.put(desired)) return;
    const models = desired.models.map(({ model, version, role }) => `${model}@${version} (${role})`).join(', ');
    this.log(`generation ${desired.generation} asks for ${models || 'nothing'}`);
    this.bell.ring();
  }

  command(command: Command): void {
    const { commandId, body } = command;
    if (body.kind === 'cancel') this.cancel(body.jobId);
    else if (this.store.jobs.get(commandId)) this.store.jobs.repeat(commandId);
    else this.take(command, body);
    this.bell.ring();
  }

  acknowledged({ upTo, outboxId }: Ack): void {
    // What another disk of this device had numbered is not what stands here.
    if (outboxId !== undefined && outboxId !== this.store.outgoing.outboxId) return;
    this.store.outgoing.acknowledge(upTo);
  }

  private take({ commandId, sentAtMs, deadlineMs }: Command, request: JobRequest): void {
    // The two clocks may differ; how long the server wanted to wait does not.
    const job = { ...request, deadlineMs: this.store.lifetime.now() + (deadlineMs - sentAtMs) };
    const isFull = this.store.jobs.open().length >= limits.jobsPerDevice;
    const message = `the device already holds ${limits.jobsPerDevice} jobs; ask again when some have ended`;
    this.store.jobs.add(commandId, job, isFull ? { code: 'queue_full', message } : undefined);
  }

  private cancel(jobId: string): void {
    const job = this.store.jobs.get(jobId);
    const message = 'canceled before the device heard of it';
    if (!job) this.store.outgoing.append({ kind: 'job', jobId, to: 'CANCELED', reason: { code: 'canceled', message } });
    else if (isFinal(jobTable, job.state)) this.store.jobs.repeat(jobId);
    else this.store.jobs.requestCancel(jobId);
  }
}
