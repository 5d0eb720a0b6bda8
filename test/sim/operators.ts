// People at work: they start rollouts of good and bad versions, pause, resume, approve and abort them, ask for pictures and
// benches, change labels, revoke devices and bring new ones. What they are refused is part of the game.
import { abortRollout } from '../../server/actions/abort-rollout.ts';
import { approveRollout } from '../../server/actions/approve-rollout.ts';
import { cancelJob } from '../../server/actions/cancel-job.ts';
import { labelDevice } from '../../server/actions/label-device.ts';
import { pauseRollout } from '../../server/actions/pause-rollout.ts';
import { requestBench } from '../../server/actions/request-bench.ts';
import { requestPicture } from '../../server/actions/request-picture.ts';
import { resumeRollout } from '../../server/actions/resume-rollout.ts';
import { revokeDevice } from '../../server/actions/revoke-device.ts';
import { startRollout } from '../../server/actions/start-rollout.ts';
import * as rollouts from '../../server/store/rollouts.ts';
import type { World } from '../../server/store/world.ts';
import { StillError } from '../../shared/errors.ts';
import { StartRolloutBody } from '../../shared/http-api.ts';
import type { Deed, OperatorPlace } from './operator-place.ts';
import { anyOrder, anyTarget, askAndLose, furtherDeeds } from './orders.ts';
import { MODEL } from './versions.ts';

const MINUTE_MS = 60_000;
/** As many other orders come between two that ask for what is lost. */
const LOSING_FACTOR = 6;
const actor = 'operator';
const PLAIN_TARGETS = ['all', 'all', 'site=home', 'site in (home,shop)'];
const GATES = ['failures<=0', 'quality>=4', 'latency.p50<=800ms'];

const deeds: readonly (readonly [weight: number, name: string, deed: Deed])[] = [
  [8, 'starts a rollout', start],
  [3, 'pauses', onRollout((world, rolloutId) => pauseRollout(world, { rolloutId, actor }))],
  [4, 'resumes', onRollout((world, rolloutId) => resumeRollout(world, { rolloutId, actor }))],
  [
    4,
    'approves',
    onRollout(async (world, rolloutId, { checker }) => {
      checker.approve(rolloutId);
      await approveRollout(world, { rolloutId, actor });
    }),
  ],
  [2, 'aborts', onRollout((world, rolloutId) => abortRollout(world, { rolloutId, rollBack: false, actor }))],
  [
    2,
    'aborts and rolls back',
    onRollout((world, rolloutId) => abortRollout(world, { rolloutId, rollBack: true, actor })),
  ],
  [
    8,
    'asks for a picture',
    async ({ fleet, random }, world) => {
      const device = random.chance(0.5) ? random.pick(fleet.devices).name : 'all';
      const request = { prompt: 'a fox', seed: random.int(0, 1000) };
      const jobId = await requestPicture(world, { device, request, timeoutMs: 3 * MINUTE_MS, actor });
      if (random.chance(0.2)) await cancelJob(world, { kind: 'picture', jobId, actor });
    },
  ],
  [
    2,
    'asks for a bench',
    ({ fleet, random, versions }, world) => {
      const { version } = random.pick(versions);
      const device = random.pick(fleet.devices).name;
      return requestBench(world, { device, model: MODEL, version, mode: 'quick', timeoutMs: 20 * MINUTE_MS, actor });
    },
  ],
  [
    1,
    'labels',
    ({ fleet, random }, world) =>
      labelDevice(world, { name: random.pick(fleet.devices).name, set: { site: 'home' }, remove: [], actor }),
  ],
  [
    1,
    'revokes',
    async ({ fleet, random, broker }, world) => {
      const device = random.pick(fleet.devices);
      if (fleet.present.length < 4 || !random.chance(0.5)) return;
      broker.kick(await revokeDevice(world, { name: device.name, actor }));
    },
  ],
  [
    1,
    'loses a device',
    async ({ fleet, random }) => {
      if (fleet.present.length >= 4 && random.chance(0.5)) random.pick(fleet.present).leave();
    },
  ],
  [1, 'brings a device', ({ fleet }, world) => fleet.join(world, { clocksDiffer: true })],
];

async function start({ random, versions, fleet, isPlain }: OperatorPlace, world: World): Promise<void> {
  const { version } = random.pick(versions);
  const { name } = random.pick(fleet.devices);
  const to = isPlain ? random.pick([...PLAIN_TARGETS, name]) : anyTarget(random, name);
  await startRollout(world, {
    ...StartRolloutBody.parse({ model: MODEL, version, to, gates: GATES }),
    waves: random.pick([['1', '50%', '100%'], ['1', '100%'], ['25%', '100%'], ['100%']]),
    onFailure: random.pick(['roll-back', 'roll-back', 'pause']),
    approval: random.pick(['gate', 'gate', 'gate', 'manual']),
    waveDeadlineMs: random.pick([10, 30, 60]) * MINUTE_MS,
    ...(!isPlain && anyOrder(random)),
    actor,
  });
}

function onRollout(act: (world: World, rolloutId: string, place: OperatorPlace) => Promise<unknown>): Deed {
  return async (place, world) => {
    const open = await rollouts.open(world.store.db);
    if (open.length > 0) await act(world, place.random.pick(open).rolloutId, place);
  };
}

export class Operators {
  private readonly place: OperatorPlace;
  private isOver = false;

  constructor(place: OperatorPlace) {
    this.place = place;
  }

  start(meanMs: number): void {
    this.goOn(meanMs);
    // In a stream of its own: this came later than the seeds that are kept.
    if (!this.place.isPlain)
      this.loseDevices({ ...this.place, random: this.place.random.fork('lost devices') }, meanMs);
  }

  private loseDevices(place: OperatorPlace, meanMs: number): void {
    place.schedule.after(1 + place.random.around(LOSING_FACTOR * meanMs), 'operator', () => {
      if (this.isOver) return;
      const { world } = this.place.server;
      if (world) this.attempt('asks any device for pictures, and loses it', () => askAndLose(place, world));
      this.loseDevices(place, meanMs);
    });
  }

  private goOn(meanMs: number): void {
    const { schedule, random } = this.place;
    schedule.after(1 + random.around(meanMs), 'operator', () => {
      if (this.isOver) return;
      this.act();
      this.goOn(meanMs);
    });
  }

  /** They go home, but not before they have ended what nobody else would end. */
  goHome(): void {
    this.isOver = true;
    this.endOpen();
  }

  private endOpen(): void {
    this.place.schedule.after(10_000, 'operator tidies up', () => {
      const { world } = this.place.server;
      if (world)
        this.attempt('tidies up', async () => {
          for (const { rolloutId, state } of await rollouts.open(world.store.db))
            if (state !== 'ROLLING_BACK') await abortRollout(world, { rolloutId, rollBack: true, actor });
        });
      this.endOpen();
    });
  }

  private act(): void {
    const { random, server, isPlain } = this.place;
    const all = isPlain ? deeds : [...deeds, ...furtherDeeds];
    const total = all.reduce((sum, [weight]) => sum + weight, 0);
    let left = random.int(1, total);
    const chosen = all.find(([weight]) => {
      left -= weight;
      return left <= 0;
    });
    const { world } = server;
    if (chosen && world) this.attempt(chosen[1], () => chosen[2](this.place, world));
  }

  private attempt(what: string, deed: () => Promise<unknown>): void {
    const { journal, server, asked, fleet } = this.place;
    const { process } = server;
    asked(2 + fleet.devices.length);
    deed().then(
      () => journal.line('operator', what),
      (error: Error) => {
        if (!process?.isAlive) return;
        if (!(error instanceof StillError)) throw error;
        journal.line('operator', `${what}: refused, ${error.message}`);
      },
    );
  }
}
