import { StillError } from '../../shared/errors.ts';
import { abortRollout } from '../actions/abort-rollout.ts';
import { approveRollout } from '../actions/approve-rollout.ts';
import { pauseRollout } from '../actions/pause-rollout.ts';
import { planRollout } from '../actions/plan-rollout.ts';
import { resumeRollout } from '../actions/resume-rollout.ts';
import { startRollout } from '../actions/start-rollout.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

type RolloutRoutes =
  | 'startRollout'
  | 'planRollout'
  | 'listRollouts'
  | 'showRollout'
  | 'pauseRollout'
  | 'resumeRollout'
  | 'approveRollout'
  | 'abortRollout';

export function rolloutHandlers(world: World): Pick<Handlers, RolloutRoutes> {
  const { db } = world.store;
  const show = async (rolloutId: string) => {
    const rollout = await rollouts.find(db, rolloutId);
    if (!rollout) throw new StillError('not_found', `no rollout ${rolloutId}; see "still rollout list"`);
    return viewRollout(db, rollout);
  };
  return {
    startRollout: async ({ body, actor }) => {
      if (body.dryRun)
        throw new StillError('invalid_input', 'a dry run starts nothing: ask POST /v1/rollouts/plan for it', {
          problems: [{ field: 'dryRun', message: 'leave it out here' }],
        });
      return show(await startRollout(world, { ...body, actor }));
    },
    planRollout: async ({ body }) => planRollout(world, body),
    listRollouts: async ({ query: { limit } }) =>
      Promise.all((await rollouts.list(db, limit)).map((rollout) => viewRollout(db, rollout))),
    showRollout: async ({ params: { rolloutId } }) => show(rolloutId),
    pauseRollout: async ({ params: { rolloutId }, actor }) => {
      await pauseRollout(world, { rolloutId, actor });
      return show(rolloutId);
    },
    resumeRollout: async ({ params: { rolloutId }, actor }) => {
      await resumeRollout(world, { rolloutId, actor });
      return show(rolloutId);
    },
    approveRollout: async ({ params: { rolloutId }, actor }) => {
      await approveRollout(world, { rolloutId, actor });
      return show(rolloutId);
    },
    abortRollout: async ({ params: { rolloutId }, body: { rollBack }, actor }) => {
      await abortRollout(world, { rolloutId, rollBack, actor });
      return show(rolloutId);
    },
  };
}
