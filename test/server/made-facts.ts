// Facts about a rollout for tests of its rules: a fleet within reach of which nothing was begun.
import type { RolloutFacts, TargetFact } from '../../server/rules/rollout/facts.ts';
import type { InstallationState } from '../../shared/installation.ts';

export const madeTarget = (index: number, over: Partial<TargetFact> = {}): TargetFact => ({
  ...{ deviceId: `dev_${index}`, device: `pi-${index}`, wave: 0, online: true, left: false, judged: false },
  ...{ hasNews: false, installation: null, attempts: 0, window: { kind: 'always' } },
  ...{ isBack: false, isNamed: false, canReinstall: false },
  ...over,
});

export const madeInstallation = (state: InstallationState, sinceMs = 0): NonNullable<TargetFact['installation']> => ({
  ...{ state, sinceMs, reasonCode: null, contacted: state !== 'QUEUED' },
});

export const madeFacts = (over: Partial<RolloutFacts> = {}): RolloutFacts => ({
  ...{ nowMs: 1_000_000, state: 'RUNNING', unreadable: null, targets: [], pace: {}, startsMs: [], retries: 0 },
  waves: [{ index: 0, state: 'RUNNING', deadlineMs: 10_000_000, hasNews: false }],
  failuresAllowed: { count: 0, share: 1 },
  ...{ dynamicUntilMs: null, lateHold: null, returningSinceMs: null },
  ...over,
});
