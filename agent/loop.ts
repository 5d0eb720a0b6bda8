// read → plan → persist → do → persist → report: the only sequencer of the agent. One step a turn; what takes long runs
// beside it as work, and its outcome is recorded here. After a crash the next start reads the same store and goes on.

import { messageOf } from '../shared/errors.ts';
import type { PicturePriority, RunningModel } from '../shared/messages.ts';
import type { Bell } from './bell.ts';
import type { GeneratedPicture } from './engine/engine.ts';
import { engineSpec } from './engine-spec.ts';
import { install, isTimed, withBenchDisturbance } from './install.ts';
import { bench, benchRefusal } from './jobs/bench.ts';
import { picture } from './jobs/picture.ts';
import { makeRoom } from './make-room.ts';
import type { Means } from './means.ts';
import { PictureCache } from './picture-cache.ts';
import { chooseRunning } from './rules/choose-running.ts';
import { jobOrder } from './rules/job-order.ts';
import { failed, type JobOutcome } from './rules/job-outcome.ts';
import { isDiskFull } from './rules/no-space.ts';
import { isHeavy, plan, type Step } from './rules/plan/plan.ts';
import type { InstallationPhase, Reached, Situation } from './rules/plan/situation.ts';
import { sleepMs } from './rules/sleep-ms.ts';
import type { StepOutcome } from './rules/step-outcome.ts';
import { ShadowWork } from './shadow-work.ts';
import { adopt } from './steps/adopt.ts';
import { commit } from './steps/commit.ts';
import { prune } from './steps/prune.ts';
import { restore } from './steps/restore.ts';
import { withdraw } from './steps/withdraw.ts';
import type { Job } from './store/jobs.ts';
import { type Work, WorkList } from './work-list.ts';

/** After a fault of the store itself (a full disk, say). */
const AFTER_FAULT_MS = 1000;

export class Loop {
  private readonly means: Means;
  private readonly bell: Bell;
  private readonly work: WorkList;
  private readonly cache = new PictureCache();
  private readonly shadows: ShadowWork;
  /** Requester → when a picture was last begun for it. */
  private readonly turns = new Map<string, number>();
  private pruneDue = true;
  private isStopping = false;
  private ended: Promise<void> = Promise.resolve();

  constructor(means: Means, bell: Bell) {
    this.means = means;
    this.bell = bell;
    this.work = new WorkList(() => bell.ring());
    this.shadows = new ShadowWork(means, this.work, () => {
      this.pruneDue = true;
    });
  }

  /** Something runs beside it. */
  get isBusy(): boolean {
    return this.work.views().length > 0;
  }

  start(): void {
    this.ended = this.run();
  }

  /** Stops what runs; it is taken up again at the next start. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.bell.ring();
    await this.ended;
    await this.work.end();
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      try {
        await this.turn();
      } catch (error) {
        this.means.log(`fault of the loop: ${messageOf(error)}; going on`);
        if (isDiskFull(error) && this.means.store.ballast.giveUp())
          this.means.log('the disk is full: the space kept for this is given up, so that it can be written down');
        await this.bell.wait(AFTER_FAULT_MS);
      }
    }
  }

  private async turn(): Promise<void> {
    this.means.store.crashes.write();
    this.work.recordSettled();
    const situation = this.situation();
    const step = plan(situation);
    if (step.kind !== 'wait') return this.perform(step);
    this.means.store.lifetime.keep();
    await this.bell.wait(sleepMs(step.untilMs, situation.nowMs));
  }

  private situation(): Situation {
    const { store } = this.means;
    return {
      nowMs: store.lifetime.now(),
      desired: store.desired.get(),
      installations: store.installations.all(),
      running: store.places.running(),
      before: store.places.before(),
      jobs: this.orderedJobs(),
      work: this.work.views(),
      shadows: this.shadows.waiting(),
      pruneDue: this.pruneDue,
    };
  }

  private orderedJobs(): readonly Job[] {
    const { store } = this.means;
    const queued = store.jobs.open().map((job) => ({ ...job, ...askedBy(job) }));
    return jobOrder(queued, { nowMs: store.lifetime.now(), turns: this.turns });
  }

  private perform(step: Exclude<Step, { kind: 'wait' }>): void | Promise<void> {
    const { store } = this.means;
    switch (step.kind) {
      case 'abort':
        return this.work.abort(step.id);
      case 'end-installation':
        return this.recordInstallation(step.installationId, { ...step, kind: 'ended' });
      case 'accept':
        return store.installations.accept(step.wanted);
      case 'withdraw':
        this.pruneDue = true;
        return withdraw(store, step.place.model, step.place.role);
      case 'promote':
        return this.shadows.promote(step.wanted);
      case 'shadow':
        return this.shadows.answer(step.id);
      case 'restore':
        this.pruneDue = true;
        return restore(store, step.place.installationId);
      case 'adopt':
        return adopt(store, step.wanted);
      case 'end-job':
        return this.recordJob(step.jobId, { kind: 'ended', report: { ...step, kind: 'job' } });
      case 'activate':
        return void store.installations.move(step.installationId, 'ACTIVATING');
      case 'install':
        return this.startInstall(step.installationId, step.phase);
      case 'picture':
      case 'bench':
        return this.startJob(step.jobId);
      case 'prune':
        this.pruneDue = false;
        return prune(this.means).then(() => store.ballast.keep());
    }
  }

  private startInstall(installationId: string, phase: InstallationPhase): void {
    const { store } = this.means;
    const installation = store.installations.get(installationId);
    if (!installation) return;
    store.installations.begin(installationId);
    const exclusive = isHeavy(phase);
    const about = { kind: 'installation', id: installationId, phase, timed: phase === 'measure', exclusive } as const;
    this.work.start(about, async (work) => {
      const change = (next: Partial<Work>) => this.work.change(work, next);
      const outcome = await install(this.means, installation, { phase, work, change });
      return () => this.recordInstallation(installationId, outcome);
    });
  }

  private recordInstallation(installationId: string, outcome: StepOutcome): void {
    const { store, log } = this.means;
    const installation = store.installations.get(installationId);
    if (!installation) return;
    const { model, version } = installation.wanted;
    switch (outcome.kind) {
      case 'moved':
        store.installations.move(installationId, outcome.to);
        break;
      case 'ended':
        this.pruneDue = true;
        if (store.installations.move(installationId, outcome.to, outcome.reason))
          log(
            `${model}@${version}: ${installation.state} → ${outcome.to}, ${outcome.reason.code}: ${outcome.reason.message}`,
          );
        break;
      case 'proven':
        store.installations.markProven(installationId);
        break;
      case 'measured':
        this.pruneDue = true;
        commit(store, installation.wanted, outcome.result);
        log(`${model}@${version} is committed`);
        break;
      case 'space-needed':
        this.pruneDue = true;
        store.installations.interrupted(installationId);
        for (const formerId of outcome.formerIds) store.places.forgetBefore(formerId);
        log(`${model}@${version} needs the space of what ran before: ${outcome.formerIds.join(', ')} is given up`);
        break;
      case 'stopped':
        store.installations.interrupted(installationId);
    }
  }

  private startJob(jobId: string): void {
    const { store } = this.means;
    const job = store.jobs.get(jobId);
    if (!job) return;
    const place = this.placeOf(job);
    if (place) this.runJob(job, place);
    else this.recordJob(jobId, this.refusal(job));
  }

  private runJob(job: Job, place: RunningModel): void {
    const { store } = this.means;
    const { jobId } = job;
    store.transaction(() => {
      store.jobs.begin(jobId);
      store.jobs.move({ kind: 'job', jobId, to: 'RUNNING' });
    });
    if (job.kind === 'picture') this.startPicture(job, place);
    else this.startBench(job, place);
  }

  private placeOf(job: Job): RunningModel | null {
    const { places } = this.means.store;
    if (job.kind === 'picture') return chooseRunning(job.request, places.running());
    const { versionDigest } = job.request;
    return [...places.running(), ...places.before()].find((place) => place.versionDigest === versionDigest) ?? null;
  }

  private refusal(job: Job): JobOutcome {
    const { places } = this.means.store;
    if (job.kind === 'bench') return benchRefusal(job.jobId, job.request, [...places.running(), ...places.before()]);
    const { model = 'any model', version } = job.request;
    const running = places.running().map((place) => `${place.model}@${place.version}`);
    return failed(job.jobId, 'REJECTED', {
      code: 'version_not_running',
      message: `${model}${version ? `@${version}` : ''} does not run on this device (running: ${running.join(', ') || 'none'})`,
    });
  }

  private startPicture(job: Job & { kind: 'picture' }, place: RunningModel): void {
    const { jobId, request } = job;
    this.turns.set(askedBy(job).requester, this.means.clock.monotonic());
    const besides = this.work.views();
    for (const other of besides) if (other.timed) other.picturesBeside++;
    const about = { kind: 'picture', id: jobId, phase: 'generate', timed: false, exclusive: false } as const;
    this.work.start(about, async (work) => {
      const warm = await this.shadows.isWarm(place);
      if (!besides.some(({ phase }) => isHeavy(phase))) await this.roomForPicture(place);
      const onGenerated = (made: GeneratedPicture, cached: boolean) => {
        // A picture to begin from is not kept for the shadow.
        if (warm && !cached && !request.image) this.shadows.ask({ id: `shadow of ${jobId}`, request, place, made });
        this.work.change(work, { phase: 'upload' });
      };
      const outcome = await picture(this.means, {
        ...{ jobId, request, place, signal: work.signal, cache: this.cache, onProgress: work.reach, onGenerated },
      });
      return () => this.recordJob(jobId, outcome);
    });
  }

  private async roomForPicture(place: RunningModel): Promise<void> {
    const spec = await engineSpec(this.means.store, place).catch(() => null);
    if (spec && !this.means.engines.isLoaded(spec))
      await makeRoom(this.means, spec, { starts: true }).catch(() => false);
  }

  private startBench(job: Job & { kind: 'bench' }, place: RunningModel): void {
    const { jobId, request } = job;
    const about = { kind: 'bench', id: jobId, phase: 'measure', timed: true, exclusive: true } as const;
    this.work.start(about, async (work) => {
      const spec = await engineSpec(this.means.store, place).catch(() => null);
      const beside = spec !== null && (await makeRoom(this.means, spec, { starts: true }).catch(() => true));
      this.work.change(work, { exclusive: !beside });
      const onProgress = (progress: Reached) => {
        work.reach(progress);
        const timed = isTimed(progress.stage);
        if (work.timed !== timed) this.work.change(work, { timed });
      };
      const outcome = await bench(this.means, { jobId, request, place, signal: work.signal, onProgress });
      return () => this.recordJob(jobId, withBenchDisturbance(outcome, work.picturesBeside));
    });
  }

  private recordJob(jobId: string, outcome: JobOutcome): void {
    const { store, log } = this.means;
    if (outcome.kind === 'stopped') store.jobs.interrupted(jobId);
    else if (store.jobs.move(outcome.report) && outcome.report.reason) {
      const { to, reason } = outcome.report;
      log(`job ${jobId}: ${to}, ${reason.code}: ${reason.message}`);
    }
  }
}

/** Benches come from operators and wait among themselves. */
function askedBy(job: Job): { readonly requester: string; readonly priority: PicturePriority } {
  if (job.kind === 'bench') return { requester: '', priority: 'normal' };
  return { requester: job.request.requestedBy ?? '', priority: job.request.priority ?? 'normal' };
}
