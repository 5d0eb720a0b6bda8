import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredModel } from '../../../shared/desired-state.ts';
import { type InstallationState, installationTable } from '../../../shared/installation.ts';
import { isFinal, step as verdict } from '../../../shared/machine.ts';
import { bounds, plan, type Step } from './plan.ts';
import type { Situation, WorkView } from './situation.ts';

const wanted = (installationId: string, more: Partial<DesiredModel> = {}): DesiredModel => ({
  installationId,
  model: 'scenes',
  version: '1.0.0',
  versionDigest: 'a'.repeat(64),
  variant: 'onnxruntime-fp16',
  role: 'current',
  probe: 'probe',
  ...more,
});

const empty: Situation = {
  nowMs: 1_000_000,
  desired: null,
  installations: [],
  running: [],
  before: [],
  jobs: [],
  work: [],
  shadows: [],
  pruneDue: false,
};
const desiring = (...models: DesiredModel[]) => ({ ...empty, desired: { generation: 1, models } });
const standing = (state: InstallationState, more: object = {}) => ({
  ...{ installationId: 'a', state, sinceMs: empty.nowMs - 1000, proven: false, attempts: 0 },
  ...more,
});
const job = (more: object = {}) => ({
  ...{ jobId: 'j', kind: 'picture' as const, receivedMs: empty.nowMs - 10, deadlineMs: empty.nowMs + 60_000 },
  ...{ cancelRequested: false, attempts: 0, ...more },
});
const work = (more: Partial<WorkView>): WorkView => ({
  ...{
    kind: 'installation',
    id: 'a',
    phase: 'download',
    timed: false,
    exclusive: false,
    stopping: false,
    reached: null,
  },
  ...more,
});
const place = (installationId: string, versionDigest = 'b'.repeat(64)) => ({
  ...{ installationId, model: 'scenes', role: 'current' as const },
  ...{ versionDigest, variant: 'onnxruntime-fp16' },
});

const table: [string, Situation, Partial<Step>][] = [
  ['nothing is known', empty, { kind: 'wait', untilMs: null }],
  ['a new wish', desiring(wanted('a')), { kind: 'accept' }],
  [
    'just accepted',
    { ...desiring(wanted('a')), installations: [standing('NOTIFIED')] },
    { kind: 'install', phase: 'admit' },
  ],
  [
    'DOWNLOADING',
    { ...desiring(wanted('a')), installations: [standing('DOWNLOADING')] },
    { kind: 'install', phase: 'download' },
  ],
  [
    'VERIFIED',
    { ...desiring(wanted('a')), installations: [standing('VERIFIED')] },
    { kind: 'install', phase: 'stage' },
  ],
  ['STAGED', { ...desiring(wanted('a')), installations: [standing('STAGED')] }, { kind: 'activate' }],
  [
    'ACTIVATING',
    { ...desiring(wanted('a')), installations: [standing('ACTIVATING')] },
    { kind: 'install', phase: 'activate' },
  ],
  ['PROBING', { ...desiring(wanted('a')), installations: [standing('PROBING')] }, { kind: 'install', phase: 'prove' }],
  [
    'PROBING, golden pictures equal',
    { ...desiring(wanted('a')), installations: [standing('PROBING', { proven: true })] },
    { kind: 'install', phase: 'measure' },
  ],
  [
    'work under way',
    { ...desiring(wanted('a')), installations: [standing('DOWNLOADING')], work: [work({})] },
    { kind: 'wait', untilMs: empty.nowMs - 1000 + 24 * 3600_000 },
  ],
  [
    'all done',
    { ...desiring(wanted('a')), installations: [standing('COMMITTED')], running: [place('a')] },
    { kind: 'wait', untilMs: null },
  ],
  [
    'failed before: not tried again',
    { ...desiring(wanted('a')), installations: [standing('FAILED')] },
    { kind: 'wait', untilMs: null },
  ],
  [
    'no longer wanted',
    { ...desiring(), installations: [standing('DOWNLOADING')], work: [work({})] },
    { kind: 'end-installation', to: 'SUPERSEDED' },
  ],
  [
    'its work goes on',
    { ...desiring(), installations: [standing('SUPERSEDED')], work: [work({})] },
    { kind: 'abort', id: 'a' },
  ],
  [
    'its work is stopping: the next one waits for it',
    {
      ...desiring(wanted('b')),
      installations: [standing('SUPERSEDED'), standing('NOTIFIED', { installationId: 'b' })],
      work: [work({ stopping: true })],
    },
    { kind: 'wait' },
  ],
  [
    'a deadline passed',
    { ...desiring(wanted('a')), installations: [standing('VERIFIED', { sinceMs: empty.nowMs - 30 * 60_000 })] },
    { kind: 'end-installation', to: 'TIMED_OUT' },
  ],
  [
    'a deadline passed while probing',
    { ...desiring(wanted('a')), installations: [standing('PROBING', { sinceMs: empty.nowMs - 2 * 3600_000 })] },
    { kind: 'end-installation', to: 'ROLLED_BACK' },
  ],
  [
    'the agent died in it again and again',
    { ...desiring(wanted('a')), installations: [standing('PROBING', { attempts: bounds.installationAttempts })] },
    { kind: 'end-installation', to: 'ROLLED_BACK' },
  ],
  [
    'nobody wants what runs',
    { ...desiring(), installations: [standing('COMMITTED')], running: [place('a')] },
    { kind: 'withdraw' },
  ],
  [
    'what ran before is wanted again',
    {
      ...desiring(wanted('a')),
      installations: [standing('COMMITTED'), standing('COMMITTED', { installationId: 'b' })],
      running: [place('b')],
      before: [place('a')],
    },
    { kind: 'restore' },
  ],
  [
    'what runs is wanted under the installation that it was committed with before',
    {
      ...desiring(wanted('a')),
      installations: [standing('COMMITTED'), standing('COMMITTED', { installationId: 'b' })],
      running: [place('b', 'a'.repeat(64))],
    },
    { kind: 'adopt', wanted: wanted('a') },
  ],
  [
    'another version runs, and the wanted one is here no more',
    {
      ...desiring(wanted('a')),
      installations: [standing('COMMITTED'), standing('COMMITTED', { installationId: 'b' })],
      running: [place('b')],
    },
    { kind: 'wait' },
  ],
  ['a picture', { ...empty, jobs: [job()] }, { kind: 'picture', jobId: 'j' }],
  ['a picture, canceled', { ...empty, jobs: [job({ cancelRequested: true })] }, { kind: 'end-job', to: 'CANCELED' }],
  [
    'a picture, too late',
    { ...empty, jobs: [job({ deadlineMs: empty.nowMs })] },
    {
      kind: 'end-job',
      to: 'TIMED_OUT',
      reason: { code: 'expired', message: "the picture's time was over before its turn came" },
    },
  ],
  [
    'a picture, too late while it is made',
    { ...empty, jobs: [job({ deadlineMs: empty.nowMs - 2000 })], work: [work({ id: job().jobId })] },
    {
      kind: 'end-job',
      to: 'TIMED_OUT',
      reason: { code: 'expired', message: "the picture's time was over while it ran, 2.0 s ago" },
    },
  ],
  [
    'a picture, too late while it is made, which said how far it was',
    {
      ...empty,
      jobs: [job({ deadlineMs: empty.nowMs })],
      work: [work({ id: job().jobId, reached: { stage: 'denoise', done: 0, total: 20 } })],
    },
    {
      kind: 'end-job',
      to: 'TIMED_OUT',
      reason: { code: 'expired', message: "the picture's time was over while it ran, at denoise 0 of 20" },
    },
  ],
  [
    'a picture that killed the agent twice',
    { ...empty, jobs: [job({ attempts: bounds.jobAttempts })] },
    { kind: 'end-job', to: 'FAILED' },
  ],
  [
    'a picture beside a download',
    { ...desiring(wanted('a')), installations: [standing('DOWNLOADING')], work: [work({})], jobs: [job()] },
    { kind: 'picture' },
  ],
  [
    'a picture while latencies are measured',
    {
      ...desiring(wanted('a')),
      installations: [standing('PROBING')],
      work: [work({ phase: 'measure', timed: true })],
      jobs: [job()],
    },
    { kind: 'wait', untilMs: empty.nowMs - 10 + bounds.pictureYieldMs },
  ],
  [
    'a picture that has waited long enough for them',
    {
      ...desiring(wanted('a')),
      installations: [standing('PROBING')],
      work: [work({ phase: 'measure', timed: true })],
      jobs: [job({ receivedMs: empty.nowMs - bounds.pictureYieldMs })],
    },
    { kind: 'picture' },
  ],
  [
    'a picture while quality is scored',
    {
      ...desiring(wanted('a')),
      installations: [standing('PROBING')],
      work: [work({ phase: 'measure' })],
      jobs: [job()],
    },
    { kind: 'picture' },
  ],
  [
    'a picture without memory for it',
    {
      ...desiring(wanted('a')),
      installations: [standing('PROBING')],
      work: [work({ phase: 'measure', exclusive: true })],
      jobs: [job({ receivedMs: 0 })],
    },
    { kind: 'wait' },
  ],
  [
    'one picture at a time',
    { ...empty, jobs: [job(), job({ jobId: 'k' })], work: [work({ kind: 'picture', id: 'j', phase: 'generate' })] },
    { kind: 'wait' },
  ],
  [
    'the next picture while one is on its way to the server',
    { ...empty, jobs: [job(), job({ jobId: 'k' })], work: [work({ kind: 'picture', id: 'j', phase: 'upload' })] },
    { kind: 'picture', jobId: 'k' },
  ],
  [
    'a bench waits for the picture in the making',
    {
      ...empty,
      jobs: [job(), job({ jobId: 'b', kind: 'bench' })],
      work: [work({ kind: 'picture', id: 'j', phase: 'generate' })],
    },
    { kind: 'wait' },
  ],
  [
    'pictures keep coming, but a bench has waited too long',
    { ...empty, jobs: [job({ jobId: 'b', kind: 'bench', receivedMs: empty.nowMs - bounds.heavyPatienceMs }), job()] },
    { kind: 'bench', jobId: 'b' },
  ],
  [
    'a bench and a staged version: first come, first served',
    {
      ...desiring(wanted('a')),
      installations: [standing('STAGED', { sinceMs: empty.nowMs - 5 })],
      jobs: [job({ jobId: 'b', kind: 'bench' })],
    },
    { kind: 'bench', jobId: 'b' },
  ],
  ['something to take away', { ...empty, pruneDue: true }, { kind: 'prune' }],
  [
    'not while an engine is in use',
    { ...empty, pruneDue: true, jobs: [job()], work: [work({ kind: 'picture', id: 'j', phase: 'generate' })] },
    { kind: 'wait' },
  ],
];

describe('plan', () => {
  it.each(table)('%s', (_name, situation, expected) => {
    expect(plan(situation)).toMatchObject(expected);
  });
});

/** The loop's effects on plain values: what each step, and each end of work, does to a situation. */
class Model {
  situation: Situation = empty;
  private generation = 0;

  set(change: Partial<Situation>): void {
    this.situation = { ...this.situation, ...change };
  }

  /** Steps until there is nothing to do; fails when that does not come. */
  settle(): void {
    for (let turns = 0; turns < 200; turns++) {
      const step = plan(this.situation);
      if (step.kind === 'wait') {
        this.checkRest(step.untilMs);
        return;
      }
      this.perform(step);
      this.check();
    }
    throw new Error(`no rest after 200 steps: ${JSON.stringify(this.situation)}`);
  }

  /** Whoever waits is looked at again when its time is over, and something is under way for the first of them. */
  private checkRest(untilMs: number | null): void {
    const { installations, work: under, jobs } = this.situation;
    const open = installations.filter(({ state }) => !isFinal(installationTable, state));
    for (const { state, sinceMs } of open)
      expect(untilMs, state).toBeLessThanOrEqual(sinceMs + (installationTable[state].deadlineMs ?? -Infinity));
    for (const { deadlineMs } of jobs) expect(untilMs).toBeLessThanOrEqual(deadlineMs);
    if (open.length + jobs.length > 0) expect(under.length, JSON.stringify(this.situation)).toBeGreaterThan(0);
  }

  /** What was told to stop does so; everything else hangs. Then time passes until the plan wants to look again. */
  hang(): void {
    this.set({ work: this.situation.work.filter(({ stopping }) => !stopping) });
    this.settle();
    const step = plan(this.situation);
    if (step.kind === 'wait' && step.untilMs !== null) this.set({ nowMs: step.untilMs });
    this.settle();
  }

  move(installationId: string, to: InstallationState): void {
    this.set({
      installations: this.situation.installations.map((one) => {
        if (one.installationId !== installationId || isFinal(installationTable, one.state)) return one;
        if (verdict(installationTable, one.state, to).kind !== 'moved') throw new Error(`${one.state} → ${to}`);
        return { ...one, state: to, sinceMs: this.situation.nowMs, attempts: 0, proven: false };
      }),
    });
  }

  desire(ids: readonly string[]): void {
    this.set({
      desired: { generation: ++this.generation, models: ids.map((id, n) => wanted(id, { model: `m${n}` })) },
    });
  }

  /** Work ends, well or not. */
  endWork(index: number, good: boolean) {
    const ended = this.situation.work[index % Math.max(1, this.situation.work.length)];
    if (!ended) return;
    this.set({ work: this.situation.work.filter((one) => one !== ended) });
    if (ended.stopping) return;
    if (ended.kind !== 'installation')
      return this.set({ jobs: this.situation.jobs.filter(({ jobId }) => jobId !== ended.id) });
    this.endPhase(ended, good);
  }

  /** The agent is killed and starts again: work is gone, what was written stays. */
  crash(): void {
    this.set({ work: [], pruneDue: true });
  }

  private endPhase({ id, phase }: WorkView, good: boolean) {
    const bad = ['activate', 'prove', 'measure'].includes(phase) ? 'ROLLED_BACK' : 'FAILED';
    if (!good) return this.move(id, bad);
    if (phase === 'prove')
      return this.set({
        installations: this.situation.installations.map((one) =>
          one.installationId === id ? { ...one, proven: true, attempts: 0 } : one,
        ),
      });
    const next = {
      admit: 'DOWNLOADING',
      download: 'VERIFIED',
      stage: 'STAGED',
      activate: 'PROBING',
      measure: 'COMMITTED',
    } as const;
    this.move(id, next[phase as keyof typeof next]);
    if (phase === 'measure') this.commit(id);
  }

  private commit(id: string): void {
    const model = this.situation.desired?.models.find(({ installationId }) => installationId === id)?.model ?? '';
    const next = { ...place(id), model };
    const now = this.situation.running.filter((one) => one.model === model);
    this.set({
      running: [...this.situation.running.filter((one) => one.model !== model), next],
      before: [...this.situation.before.filter((one) => one.model !== model), ...now],
      pruneDue: true,
    });
  }

  private perform(step: Exclude<Step, { kind: 'wait' }>) {
    const { situation } = this;
    const begin = (kind: WorkView['kind'], id: string, phase: WorkView['phase']) =>
      this.set({
        work: [...situation.work, work({ kind, id, phase, timed: phase === 'measure' })],
        installations: situation.installations.map((one) =>
          one.installationId === id ? { ...one, attempts: one.attempts + 1 } : one,
        ),
        jobs: situation.jobs.map((one) => (one.jobId === id ? { ...one, attempts: one.attempts + 1 } : one)),
      });
    switch (step.kind) {
      case 'abort':
        return this.set({ work: situation.work.map((one) => (one.id === step.id ? { ...one, stopping: true } : one)) });
      case 'end-installation':
        return this.move(step.installationId, step.to);
      case 'accept':
        return this.set({
          installations: [
            ...situation.installations,
            {
              installationId: step.wanted.installationId,
              state: 'NOTIFIED',
              sinceMs: situation.nowMs,
              proven: false,
              attempts: 0,
            },
          ],
        });
      case 'withdraw':
        return this.set({
          running: situation.running.filter(({ model }) => model !== step.place.model),
          before: situation.before.filter(({ model }) => model !== step.place.model),
        });
      case 'restore':
        return this.commit(step.place.installationId);
      case 'adopt':
        return this.commit(step.wanted.installationId);
      case 'end-job':
        return this.set({ jobs: situation.jobs.filter(({ jobId }) => jobId !== step.jobId) });
      case 'activate':
        return this.move(step.installationId, 'ACTIVATING');
      case 'install':
        return begin('installation', step.installationId, step.phase);
      case 'picture':
        return begin('picture', step.jobId, 'generate');
      case 'bench':
        return begin('bench', step.jobId, 'measure');
      case 'prune':
        return this.set({ pruneDue: false });
    }
  }

  private check(): void {
    const { work: under } = this.situation;
    const heavy = under.filter(({ phase }) => ['activate', 'prove', 'measure'].includes(phase));
    expect(heavy.length, 'one engine beside the resident ones at most').toBeLessThanOrEqual(1);
    expect(under.filter(({ kind }) => kind === 'installation').length).toBeLessThanOrEqual(1);
    expect(under.filter(({ phase }) => phase === 'generate').length).toBeLessThanOrEqual(1);
    expect(new Set(under.map(({ id }) => id)).size).toBe(under.length);
  }
}

type Event =
  | { readonly kind: 'desire'; readonly ids: readonly string[] }
  | { readonly kind: 'job'; readonly job: 'picture' | 'bench'; readonly patienceMs: number }
  | { readonly kind: 'cancel'; readonly index: number }
  | { readonly kind: 'end'; readonly index: number; readonly good: boolean }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'crash' };

const events: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constant('desire' as const),
    ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('job' as const),
    job: fc.constantFrom('picture' as const, 'bench' as const),
    patienceMs: fc.integer({ min: 1, max: 600_000 }),
  }),
  fc.record({ kind: fc.constant('cancel' as const), index: fc.nat(9) }),
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('end' as const), index: fc.nat(9), good: fc.boolean() }) },
  fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 48 * 3600_000 }) }),
  fc.record({ kind: fc.constant('crash' as const) }),
);

let jobs = 0;
function happen(model: Model, event: Event) {
  const { situation } = model;
  switch (event.kind) {
    case 'desire':
      return model.desire(event.ids);
    case 'job': {
      const { nowMs } = situation;
      const next = job({
        jobId: `j${jobs++}`,
        kind: event.job,
        receivedMs: nowMs,
        deadlineMs: nowMs + event.patienceMs,
      });
      return model.set({ jobs: [...situation.jobs, next] });
    }
    case 'cancel':
      return model.set({
        jobs: situation.jobs.map((one, n) => (n === event.index ? { ...one, cancelRequested: true } : one)),
      });
    case 'end':
      return model.endWork(event.index, event.good);
    case 'time':
      return model.set({ nowMs: situation.nowMs + event.ms });
    case 'crash':
      return model.crash();
  }
}

describe('plan, over random histories', () => {
  it('walks legal edges only, comes to rest every time, and leaves nothing behind when the world is calm', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (history) => {
        const model = new Model();
        for (const event of history) {
          happen(model, event);
          model.settle();
        }
        for (let rounds = 0; model.situation.work.length > 0 || model.situation.jobs.length > 0; rounds++) {
          expect(rounds, JSON.stringify(model.situation)).toBeLessThan(500);
          model.endWork(0, true);
          model.set({ nowMs: model.situation.nowMs + 100 });
          model.settle();
        }
        const { desired, installations, running, pruneDue } = model.situation;
        expect(pruneDue).toBe(false);
        for (const one of installations) expect(isFinal(installationTable, one.state), one.state).toBe(true);
        for (const { installationId } of desired?.models ?? [])
          expect(installations.map((one) => one.installationId)).toContain(installationId);
        if (desired)
          for (const { model: name } of running) expect(desired.models.map(({ model }) => model)).toContain(name);
      }),
      { numRuns: 500 },
    );
  });

  it('ends whatever hangs at its deadline, and what the last wish no longer names', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 40 }), (history) => {
        const model = new Model();
        for (const event of history) {
          happen(model, event);
          model.settle();
        }
        const isOpen = ({ state }: { state: InstallationState }) => !isFinal(installationTable, state);
        for (let rounds = 0; model.situation.installations.some(isOpen) || model.situation.jobs.length > 0; rounds++) {
          expect(rounds, JSON.stringify(model.situation)).toBeLessThan(200);
          model.hang();
        }
        model.desire([]);
        model.settle();
        model.hang();
        expect(model.situation.work).toEqual([]);
        expect(model.situation.running).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a shadow', () => {
  const sha = (text: string) => text.repeat(64);
  const place = (installationId: string, role: 'current' | 'shadow') => ({
    ...{ installationId, model: 'scenes', role, versionDigest: sha(installationId), variant: 'v' },
  });
  const current = wanted('a', { versionDigest: sha('a') });
  const asShadow = wanted('b', { role: 'shadow', versionDigest: sha('b') });
  const both = {
    ...desiring(current, asShadow),
    installations: [standing('COMMITTED'), standing('COMMITTED', { installationId: 'b' })],
    running: [place('a', 'current'), place('b', 'shadow')],
  };
  const asked = { ...both, shadows: [{ id: 'shadow of j' }] };

  it('answers when there is nothing else to do', () => {
    expect(plan(both)).toMatchObject({ kind: 'wait' });
    expect(plan(asked)).toEqual({ kind: 'shadow', id: 'shadow of j' });
    expect(plan({ ...asked, jobs: [job()] })).toEqual({ kind: 'picture', jobId: 'j' });
    const measuring = work({ kind: 'bench', id: 'k', phase: 'measure' });
    expect(plan({ ...asked, jobs: [job({ jobId: 'k', kind: 'bench' })], work: [measuring] }).kind).toBe('wait');
  });

  it('stops for whoever waits, who begins when it has stopped', () => {
    const shadow = work({ kind: 'shadow', id: 'shadow of j', phase: 'shadow' });
    const busy = { ...asked, work: [shadow] };
    expect(plan(busy).kind).toBe('wait');
    for (const kind of ['picture', 'bench'] as const)
      expect(plan({ ...busy, jobs: [job({ kind })] })).toEqual({ kind: 'abort', id: 'shadow of j' });
    expect(plan({ ...busy, work: [{ ...shadow, stopping: true }], jobs: [job()] }).kind).toBe('wait');
  });

  it('becomes current under its own installation, and is not withdrawn on the way', () => {
    const promoted = { ...both, desired: { generation: 2, models: [wanted('b', { versionDigest: sha('b') })] } };
    expect(plan({ ...promoted, installations: [standing('COMMITTED', { installationId: 'b' })] })).toMatchObject({
      kind: 'promote',
      wanted: { installationId: 'b', role: 'current' },
    });
    const loading = { ...promoted, work: [work({ kind: 'promotion', id: 'b', phase: 'load' })] };
    expect(plan(loading).kind).toBe('wait');
    expect(plan({ ...loading, jobs: [job()] })).toEqual({ kind: 'picture', jobId: 'j' });
    const done = { ...promoted, running: [place('b', 'current')], before: [place('a', 'current')] };
    expect(plan(done).kind).toBe('wait');
  });

  it('whose promotion is taken back while its engine loads is a shadow still', () => {
    const loading = { ...both, work: [work({ kind: 'promotion', id: 'b', phase: 'load' })] };
    expect(plan(loading)).toEqual({ kind: 'abort', id: 'b' });
  });

  it('that nobody wants goes, and its place alone', () => {
    expect(plan({ ...both, desired: { generation: 2, models: [current] } })).toMatchObject({
      kind: 'withdraw',
      place: { installationId: 'b', role: 'shadow' },
    });
  });
});
