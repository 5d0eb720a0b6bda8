// What operators ask of the rollout engine beyond a plain start: pace, retries, priority, superseding, devices that come
// later, shadows and their promotion, maintenance windows, groups, and two operators who command from the same look.
import { abortRollout } from '../../server/actions/abort-rollout.ts';
import { approveRollout } from '../../server/actions/approve-rollout.ts';
import { labelDevice } from '../../server/actions/label-device.ts';
import { pauseRollout } from '../../server/actions/pause-rollout.ts';
import { promoteRollout } from '../../server/actions/promote-rollout.ts';
import { requestPicture } from '../../server/actions/request-picture.ts';
import { resumeRollout } from '../../server/actions/resume-rollout.ts';
import { saveGroup } from '../../server/actions/save-group.ts';
import type { startRollout } from '../../server/actions/start-rollout.ts';
import { MAINTENANCE_LABEL, TIME_ZONE_LABEL } from '../../server/rules/rollout/maintenance-window.ts';
import * as decisions from '../../server/store/decisions.ts';
import * as jobs from '../../server/store/jobs.ts';
import * as rollouts from '../../server/store/rollouts.ts';
import type { World } from '../../server/store/world.ts';
import type { Pace } from '../../shared/http-api.ts';
import type { Deed, OperatorPlace } from './operator-place.ts';
import type { Random } from './random.ts';
import { Violation } from './violation.ts';

const MINUTE_MS = 60_000;
const actor = 'operator';
const GROUP = 'counters';
const ZONES = ['Europe/London', 'Africa/Dakar', 'Asia/Kathmandu'];
/** How many of the newest rollouts somebody looks at who wants to promote or remove a shadow. */
const NEWEST = 20;

const paces: readonly Pace[] = [
  ...[{}, {}, {}, { maxInFlight: 1 }, { maxInFlight: 2 }, { maxInFlight: 1, growth: { factor: 2, after: 1 } }],
  ...[{ startsPerMinute: 4 }, { startsPerMinute: 0.5 }, { startsPerMinute: 1, growth: { factor: 1.5, after: 2 } }],
  { maxInFlight: 2, startsPerMinute: 2 },
];

/** How a rollout is ordered, beside what and to whom. */
export function anyOrder(
  random: Random,
): Pick<Parameters<typeof startRollout>[1], 'pace' | 'retries' | 'priority' | 'supersede' | 'shadow' | 'dynamicForMs'> {
  return {
    pace: random.pick(paces),
    retries: random.pick([0, 0, 1, 2]),
    priority: random.pick([0, 0, 0, 1, 5]),
    supersede: random.chance(0.3),
    shadow: random.chance(0.25),
    ...(random.chance(0.3) && { dynamicForMs: random.int(5, 40) * MINUTE_MS }),
  };
}

/** Shares and groups, too. */
export const anyTarget = (random: Random, name: string): string =>
  random.pick(['all', 'all', 'site=home', 'site in (home,shop)', name, '50%', '60% of site!=lab', `@${GROUP}`]);

export const furtherDeeds: readonly (readonly [weight: number, name: string, deed: Deed])[] = [
  [4, 'promotes', onShadow((world, rolloutId) => promoteRollout(world, { rolloutId, actor }))],
  [1, 'removes a shadow', onShadow((world, rolloutId) => abortRollout(world, { rolloutId, rollBack: true, actor }))],
  [1, 'holds late devices back', onSucceeded(pauseRollout)],
  [2, 'takes late devices again', onSucceeded(resumeRollout)],
  [2, 'sets a maintenance window', setWindow],
  [2, 'lifts a maintenance window', (place, world) => label(place, world, {}, [MAINTENANCE_LABEL, TIME_ZONE_LABEL])],
  [
    1,
    'saves a group',
    ({ random }, world) =>
      saveGroup(world, { name: GROUP, selector: random.pick(['site=shop', 'site notin (lab)', 'all']), actor }),
  ],
  [3, 'commands together with another', collide],
];

function onShadow(act: (world: World, rolloutId: string) => Promise<unknown>): Deed {
  return async ({ random }, world) => {
    const shadows = (await rollouts.list(world.store.db, NEWEST)).filter(({ role }) => role === 'shadow');
    if (shadows.length > 0) await act(world, random.pick(shadows).rolloutId);
  };
}

function onSucceeded(act: (world: World, command: { rolloutId: string; actor: string }) => Promise<void>): Deed {
  return async ({ random }, world) => {
    const newest = (await rollouts.list(world.store.db, NEWEST)).filter(({ state }) => state === 'SUCCEEDED');
    if (newest.length > 0) await act(world, { rolloutId: random.pick(newest).rolloutId, actor });
  };
}

/** One after the other, with time enough to lose several devices and to see the first come back. */
export async function askAndLose({ fleet, random, schedule }: OperatorPlace, world: World): Promise<void> {
  const request = { prompt: 'a fox', seed: random.int(0, 1000) };
  for (let count = random.int(1, 4); count > 0; count--) {
    const order = { device: 'all', request, timeoutMs: random.int(1, 8) * MINUTE_MS, actor };
    const job = await jobs.find(world.store.db, await requestPicture(world, order));
    const device = job && fleet.of(job.deviceId);
    if (!device || random.chance(0.3)) continue;
    device.cutLine();
    if (random.chance(0.5)) device.process?.die();
    schedule.after(random.around(30_000), `${device.name} is found again`, () => {
      device.line.isCut = false;
    });
  }
}

function setWindow(place: OperatorPlace, world: World): Promise<unknown> {
  const { random, schedule } = place;
  const from = schedule.wallMs + random.int(-20, 30) * MINUTE_MS;
  const hours = (atMs: number) => new Date(atMs).toISOString().slice(11, 16).replace(':', '');
  // Most are meant in UTC; in other zones they come at another hour, or wrap around a day.
  const zone: Record<string, string> = random.chance(0.3) ? { [TIME_ZONE_LABEL]: random.pick(ZONES) } : {};
  const window = `${hours(from)}-${hours(from + random.int(5, 60) * MINUTE_MS)}`;
  return label(place, world, { ...zone, [MAINTENANCE_LABEL]: window });
}

const label = (
  { random, fleet }: OperatorPlace,
  world: World,
  set: Readonly<Record<string, string>>,
  remove: readonly string[] = [],
) => labelDevice(world, { name: random.pick(fleet.devices).name, set: { ...set }, remove, actor });

type Order = (world: World, order: { rolloutId: string; expect: string; actor: string }) => Promise<void>;

const orders: readonly Order[] = [
  pauseRollout,
  resumeRollout,
  approveRollout,
  promoteRollout,
  (world, order) => abortRollout(world, { ...order, rollBack: true }),
  (world, order) => abortRollout(world, { ...order, rollBack: false }),
];

/** Both looked at the same revision: at most one may have their way, and the second is told of the first. */
async function collide({ random, checker, violated }: OperatorPlace, world: World): Promise<void> {
  const newest = await rollouts.list(world.store.db, NEWEST);
  if (newest.length === 0) return;
  const { rolloutId, revision } = random.pick(newest);
  checker.approve(rolloutId);
  const number = random.int(0, 1e9);
  const actors = [`anna ${number}`, `bert ${number}`];
  const ends = await Promise.allSettled(
    actors.map((one) => random.pick(orders)(world, { rolloutId, expect: String(revision), actor: one })),
  );
  const recorded = (await decisions.of(world.store.db, rolloutId)).map(({ actor: one }) => one);
  const [first, second] = actors.map((one) => recorded.includes(one));
  if (first && second)
    violated(new Violation('one of two operators', `both changed ${rolloutId} at revision ${revision}`));
  const refusal = ends[1]?.status === 'rejected' ? String(ends[1].reason) : null;
  if (first && refusal !== null && !refusal.includes(`by ${actors[0]}`))
    violated(new Violation('one of two operators', `the second one was not told of the first: ${refusal}`));
  if (!first && !second && refusal !== null) throw (ends[1] as PromiseRejectedResult).reason;
}
