import { StillError } from '../../shared/errors.ts';
import { abortRollout } from '../actions/abort-rollout.ts';
import { approveRollout } from '../actions/approve-rollout.ts';
import { pauseRollout } from '../actions/pause-rollout.ts';
import { planRollout } from '../actions/plan-rollout.ts';
import { promoteRollout } from '../actions/promote-rollout.ts';
import { resumeRollout } from '../actions/resume-rollout.ts';
import { startRollout } from '../actions/start-rollout.ts';
import * as decisions from '../store/decisions.ts';
import { viewRollout } from '../store/rollout-views.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

type RolloutRoutes =
  | 'startRollout'
  | 'planRollout'
  | 'listRollouts'
  | 'showRollout'
  | 'listDecisions'
  | 'pauseRollout'
  | 'resumeRollout'
  | 'approveRollout'
  | 'promoteRollout'
  | 'abortRollout';

export function rolloutHandlers(world: World): Pick<Handlers, RolloutRoutes> {
  const { db } = world.store;
  const show = async (rolloutId: string) => viewRollout(db, await rollouts.get(db, rolloutId));
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
    listDecisions: async ({ params: { rolloutId } }) => {
      await rollouts.get(db, rolloutId);
      return decisions.of(db, rolloutId);
    },
    pauseRollout: async ({ params: { rolloutId }, query: { expect }, actor }) => {
      await pauseRollout(world, { rolloutId, expect, actor });
      return show(rolloutId);
    },
    resumeRollout: async ({ params: { rolloutId }, query: { expect }, actor }) => {
      await resumeRollout(world, { rolloutId, expect, actor });
      return show(rolloutId);
    },
    approveRollout: async ({ params: { rolloutId }, query: { expect }, actor }) => {
      await approveRollout(world, { rolloutId, expect, actor });
      return show(rolloutId);
    },
    promoteRollout: async ({ params: { rolloutId }, query: { expect }, actor }) => {
      await promoteRollout(world, { rolloutId, expect, actor });
      return show(rolloutId);
    },
    abortRollout: async ({ params: { rolloutId }, body: { rollBack }, query: { expect }, actor }) => {
      await abortRollout(world, { rolloutId, rollBack, expect, actor });
      return show(rolloutId);
    },
  };
}
