// What is new since the last look at a rollout: one line each, for logs and pipes.
import type { InstallationView, RolloutView, WaveView } from '../../../shared/http-api.ts';
import { colourOf, mark } from './rollout-text.ts';

export function rolloutChanges(before: RolloutView | undefined, now: RolloutView): string[] {
  return [
    ...now.waves.flatMap((wave) => waveStart(before?.waves[wave.index], wave)),
    ...now.installations.flatMap((installation) => installationChange(before?.installations, installation)),
    ...now.waves.flatMap((wave) => waveEnd(before?.waves[wave.index], wave)),
    ...(before && before.state !== now.state ? [`rollout  ${colourOf(now.state)(now.state)}`] : []),
  ];
}

function waveStart(before: WaveView | undefined, { index, state, devices }: WaveView): string[] {
  const started = state !== 'PENDING' && state !== 'CANCELED' && (before === undefined || before.state === 'PENDING');
  return started ? [`wave ${index + 1}   starts: ${shortList(devices)}`] : [];
}

function waveEnd(before: WaveView | undefined, { index, state, gates }: WaveView): string[] {
  if (before?.state === state || !['PASSED', 'FAILED', 'AWAITING_APPROVAL'].includes(state)) return [];
  const verdicts = gates.map(({ verdict, explanation }) => `         ${mark(verdict)} ${explanation}`);
  return [...verdicts, `wave ${index + 1}   ${colourOf(state)(state)}`];
}

function installationChange(before: readonly InstallationView[] | undefined, now: InstallationView): string[] {
  const known = before?.find(({ installationId }) => installationId === now.installationId);
  if (known?.state === now.state) return [];
  const reason = now.reason ? `: ${now.reason.message}` : '';
  return [`         ${now.device}  ${now.version}  ${colourOf(now.state)(now.state)}${reason}`];
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
