// What is new since the last look at a rollout, for logs and pipes: a line a wave, and one for the devices that came to
// the same state together.
import type { InstallationView, RolloutView, WaveView } from '../../../shared/http-api.ts';
import { colourOf, mark, shortList } from './rollout-text.ts';

const MARGIN = ' '.repeat(9);
const STATE_WIDTH = 'DOWNLOADING'.length;

export function rolloutChanges(before: RolloutView | undefined, now: RolloutView): string[] {
  const known = new Map(before?.installations.map(({ installationId, state }) => [installationId, state]));
  const changed = now.installations.filter(({ installationId, state }) => known.get(installationId) !== state);
  const forward = changed.filter(({ version }) => version === now.version);
  const back = changed.filter(({ version }) => version !== now.version);
  return [
    ...now.waves.flatMap((wave) => [
      ...waveStart(before?.waves[wave.index], wave),
      ...stateLines(forward.filter(({ device }) => wave.devices.includes(device))),
      ...waveEnd(before?.waves[wave.index], wave),
    ]),
    ...(before && before.state !== now.state ? [`rollout  ${colourOf(now.state)(now.state)}`] : []),
    ...stateLines(back),
  ];
}

function waveStart(before: WaveView | undefined, { index, state, devices }: WaveView): string[] {
  const started = state !== 'PENDING' && state !== 'CANCELED' && (before === undefined || before.state === 'PENDING');
  return started ? [`wave ${index + 1}   starts: ${shortList(devices)}`] : [];
}

function waveEnd(before: WaveView | undefined, { index, state, gates }: WaveView): string[] {
  if (before?.state === state || !['PASSED', 'FAILED', 'AWAITING_APPROVAL'].includes(state)) return [];
  const verdicts = gates.map(({ verdict, explanation }) => `${MARGIN}${mark(verdict)} ${explanation}`);
  return [...verdicts, `wave ${index + 1}   ${colourOf(state)(state)}`];
}

function stateLines(installations: readonly InstallationView[]): string[] {
  const alike = Map.groupBy(
    installations,
    ({ state, version, reason }) => `${state} ${version} ${reason?.message ?? ''}`,
  );
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const state = colourOf(first.state)(first.state.padEnd(STATE_WIDTH));
    const reason = first.reason ? `: ${first.reason.message}` : '';
    return [`${MARGIN}${first.version}  ${state}  ${shortList(group.map(({ device }) => device))}${reason}`];
  });
}
