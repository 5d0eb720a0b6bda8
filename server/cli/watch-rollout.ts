// Shows a rollout until it ends: a block drawn again in place for a person, one line a change for a log.
import { z } from 'zod';
import { StillError } from '../../shared/errors.ts';
import type { EventView, RolloutState, RolloutView } from '../../shared/http-api.ts';
import { follow } from './follow.ts';
import type { Session } from './session.ts';
import { rolloutChanges } from './views/rollout-changes.ts';
import { rolloutText } from './views/rollout-text.ts';

const ENDED: readonly RolloutState[] = ['SUCCEEDED', 'STOPPED', 'ABORTED', 'SUPERSEDED'];
/** Long enough to be cheap, short enough that the running time on the screen moves. */
const LOOK_EVERY_MS = 1000;
/** A large fleet reports without pause; nobody reads faster than this. */
const LOOK_AT_MOST_EVERY_MS = 100;
const ABOUT_ROLLOUTS = new Set(['rollout', 'installation']);

const ProgressDetails = z.looseObject({ stage: z.string(), done: z.number(), total: z.number() });

/** @returns the rollout as it stands at its end, or where `signal` ended the watching */
export async function watchRollout(
  { client, screen }: Session,
  rolloutId: string,
  signal: AbortSignal,
): Promise<RolloutView> {
  const ask = () => client.call('showRollout', { params: { rolloutId } });
  const progress = new Map<string, z.infer<typeof ProgressDetails>>();
  const concerns = ({ kind, subject, details }: EventView) => {
    const at = kind === 'progress' && screen.live ? ProgressDetails.safeParse(details).data : undefined;
    if (at) progress.set(subject, at);
    return at !== undefined || ABOUT_ROLLOUTS.has(kind);
  };
  const options = { signal, concerns, everyMs: LOOK_EVERY_MS, restMs: LOOK_AT_MOST_EVERY_MS };
  let last: RolloutView | undefined;
  for await (const rollout of follow(client, ask, options)) {
    if (screen.live) screen.draw(rolloutText(rollout, Date.now(), progress).split('\n'));
    else for (const line of rolloutChanges(last, rollout)) screen.line(line);
    last = rollout;
    if (ENDED.includes(rollout.state)) break;
  }
  screen.erase();
  if (!last) throw new StillError('timeout', `stopped before the rollout ${rolloutId} was seen`);
  return last;
}

export const hasEnded = ({ state }: RolloutView): boolean => ENDED.includes(state);
