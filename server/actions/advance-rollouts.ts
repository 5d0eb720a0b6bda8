// Carries every open rollout as far as the facts allow. Each step is one transaction that looks at the facts again, so a
// crash between two steps loses nothing and repeats nothing.

import { messageOf } from '../../shared/errors.ts';
import { plural } from '../../shared/plural.ts';
import { explainProgress, explainReturn, explainSuccess } from '../rules/rollout/explain.ts';
import { nextStep, type RolloutStep } from '../rules/rollout/next-step.ts';
import type { Db } from '../store/database.ts';
import * as decisions from '../store/decisions.ts';
import * as installations from '../store/installations.ts';
import * as rollouts from '../store/rollouts.ts';
import type { World } from '../store/world.ts';
import { judgeLate } from './rollout-steps/judge-late.ts';
import { judgeWave } from './rollout-steps/judge-wave.ts';
import { reinstall, withdraw } from './rollout-steps/send-back.ts';
import { look, type Situation } from './rollout-steps/situation.ts';
import { startDevices } from './rollout-steps/start-devices.ts';
import { startWave } from './rollout-steps/start-wave.ts';

/** More steps than this in one turn would be a circle. */
const STEPS_A_TURN = 1000;

/** @returns when something is due by time alone, UTC milliseconds; null when nothing is */
export async function advanceRollouts(world: World): Promise<number | null> {
  const { db } = world.store;
  const due: number[] = [];
  for (const { rolloutId } of [...(await rollouts.open(db)), ...(await rollouts.withLateDevices(db))]) {
    try {
      const untilMs = await advance(world, rolloutId);
      if (untilMs !== null) due.push(untilMs);
    } catch (error) {
      // One broken rollout must not hold up the others.
      world.log('error', 'a rollout does not advance', { rolloutId, error: messageOf(error) });
    }
  }
  return due.length > 0 ? Math.min(...due) : null;
}

async function advance(world: World, rolloutId: string): Promise<number | null> {
  for (let turn = 0; turn < STEPS_A_TURN; turn++) {
    const looked = await look(world.store.db, rolloutId, world.clock.now());
    const step = nextStep(looked.facts);
    if (step.kind === 'wait' && !hasNews(looked)) return step.untilMs;
    const again = await world.store.write(async (tx) => {
      const situation = await look(tx, rolloutId, world.clock.now());
      return carryOut(world, tx, situation, nextStep(situation.facts));
    });
    if (!again) return step.kind === 'wait' ? step.untilMs : null;
  }
  throw new Error(`rollout ${rolloutId} does not come to rest`);
}

const hasNews = ({ rollout, facts }: Situation): boolean =>
  (rollout.state === 'RUNNING' || rollout.state === 'SUCCEEDED') && explainProgress(facts) !== rollout.explanation;

/** @returns whether to look again */
async function carryOut(world: World, tx: Db, situation: Situation, step: RolloutStep): Promise<boolean> {
  const { rollout, facts } = situation;
  const { rolloutId } = rollout;
  const { nowMs } = facts;
  const record = (kind: decisions.Decision['kind'], explanation: string) =>
    decisions.append(tx, { rolloutId, atMs: nowMs, actor: decisions.SERVER, kind, wave: null, explanation });
  switch (step.kind) {
    case 'halt': {
      const explanation = `${step.because}; paused: only "abort" helps`;
      await rollouts.update(tx, rolloutId, nowMs, { state: 'PAUSED', explanation });
      await record('halt', explanation);
      return false;
    }
    case 'start-wave':
      await startWave(tx, situation, step.wave);
      return true;
    case 'start-devices':
      await startDevices(world, tx, situation, step.deviceIds);
      return true;
    case 'judge-wave':
      return judgeWave(world, tx, situation, step);
    case 'judge-late':
      await judgeLate(world, tx, situation, step.deviceIds);
      return true;
    case 'succeed': {
      const explanation = explainSuccess(facts);
      await rollouts.update(tx, rolloutId, nowMs, { state: 'SUCCEEDED', endedAtMs: nowMs, explanation });
      await record('succeed', explanation);
      return false;
    }
    case 'withdraw':
      await withdraw(tx, situation, step.deviceIds);
      await record('return', `${plural(step.deviceIds.length, 'device')} sent back to what ran before`);
      return true;
    case 'reinstall':
      await reinstall(world, tx, situation, step.deviceIds);
      return true;
    case 'finish-return': {
      const explanation = explainReturn(rollout.endingBecause ?? '', facts, {
        version: rollout.version,
        before: versionsBefore(situation),
        activated: await installations.activatedOn(tx, rolloutId),
      });
      const state = rollout.ending ?? 'STOPPED';
      await rollouts.update(tx, rolloutId, nowMs, { state, endedAtMs: nowMs, explanation });
      await record('end', explanation);
      return false;
    }
    case 'wait':
      if (hasNews(situation)) await rollouts.update(tx, rolloutId, nowMs, { explanation: explainProgress(facts) });
      return false;
  }
}

const versionsBefore = ({ standings }: Situation) =>
  new Map(standings.map(({ deviceId, before }) => [deviceId, before?.version ?? null]));
