// What the server does by itself, one action a line.
import { advanceRollouts } from './actions/advance-rollouts.ts';
import { expireInstallations } from './actions/expire-installations.ts';
import { expireJobs } from './actions/expire-jobs.ts';
import { handOverPictures } from './actions/hand-over-pictures.ts';
import { markSilentDevices } from './actions/mark-silent-devices.ts';
import { pruneStore } from './actions/prune-store.ts';
import { takeInDevices } from './actions/take-in-devices.ts';
import type { World } from './store/world.ts';
import type { Task } from './tick.ts';

const PRUNE_EVERY_MS = 3600_000;
const EXPIRE_EVERY_MS = 500;
const TAKE_IN_EVERY_MS = 1000;

export function tasksOf(world: World): Task[] {
  const startedAtMs = world.clock.now();
  return [
    { name: 'advance-rollouts', everyMs: 0, run: () => advanceRollouts(world) },
    { name: 'take-in-devices', everyMs: TAKE_IN_EVERY_MS, run: () => takeInDevices(world).then(byItself) },
    { name: 'expire-jobs', everyMs: EXPIRE_EVERY_MS, run: () => expireJobs(world) },
    { name: 'hand-over-pictures', everyMs: EXPIRE_EVERY_MS, run: () => handOverPictures(world, startedAtMs) },
    { name: 'expire-installations', everyMs: EXPIRE_EVERY_MS, run: () => expireInstallations(world) },
    { name: 'mark-silent-devices', everyMs: EXPIRE_EVERY_MS, run: () => markSilentDevices(world) },
    { name: 'prune-store', everyMs: PRUNE_EVERY_MS, run: () => pruneStore(world).then(byItself) },
  ];
}

/** Nothing of it is due at a known time. */
const byItself = () => null;
