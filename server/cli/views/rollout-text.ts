// One rollout, as it stands: its waves, their devices, the gates' verdicts. Drawn again and again while it runs.
import pc from 'picocolors';
import type { InstallationView, RolloutView, WaveView } from '../../../shared/http-api.ts';
import { type InstallationState, installationTable } from '../../../shared/installation.ts';
import { isFinal } from '../../../shared/machine.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, duration } from '../../../shared/units.ts';
import { shadowText } from './shadow-text.ts';

/** A wave with more devices than this shows how many stand in which state, and names only the ones that ended badly. */
const DEVICES_SHOWN = 12;
const NAMES_SHOWN = 8;

/** How far the present work of an installation is, by its id. */
export type InstallationProgress = ReadonlyMap<string, { stage: string; done: number; total: number }>;

export function rolloutText(rollout: RolloutView, nowMs: number, progress: InstallationProgress = new Map()): string {
  const { model, version, selector, startedAtMs, endedAtMs, rolloutId, waves, role } = rollout;
  const lasted = duration((endedAtMs ?? nowMs) - startedAtMs);
  return [
    `${pc.bold(`${model}@${version}`)}${role === 'shadow' ? ' as a shadow' : ''} to ${selector}  ${stateText(rollout)}  ${lasted}  ${pc.dim(rolloutId)}`,
    ...waves.flatMap((wave) => waveLines(rollout, wave, progress)),
    ...rollout.shadows.filter(({ pairs }) => pairs > 0).map((shadow) => `    ${shadow.device}  ${shadowText(shadow)}`),
    ...clauses(rollout),
  ].join('\n');
}

/** With a word where it takes no further device. */
export const stateText = ({ state, lateHold }: RolloutView): string =>
  colourOf(state)(state) + (lateHold ? pc.yellow(' (holds back)') : '');

/** The explanation, a clause a line. */
export const clauses = ({ explanation }: RolloutView): string[] => explanation.split('; ').filter(Boolean);

function waveLines(rollout: RolloutView, wave: WaveView, progress: InstallationProgress): string[] {
  const { index, state, committed, failed, total, gates } = wave;
  const counts = [`${committed} of ${total} done`, ...(failed ? [pc.red(`${failed} failed`)] : [])].join(', ');
  const title = `  wave ${index + 1} of ${rollout.waves.length}  ${colourOf(state)(state)}  ${counts}`;
  if (state === 'PENDING')
    return [pc.dim(`  wave ${index + 1} of ${rollout.waves.length}  PENDING  ${plural(total, 'device')}`)];
  return [
    title,
    ...deviceLines(wave, rollout.installations, progress).map((line) => `    ${line}`),
    ...takenLines(wave),
    ...gates.map(({ verdict, explanation }) => `    ${mark(verdict)} ${explanation}`),
  ];
}

function deviceLines(wave: WaveView, all: readonly InstallationView[], progress: InstallationProgress): string[] {
  const newest = new Map(all.toSorted((a, b) => a.generation - b.generation).map((one) => [one.device, one]));
  const rows = wave.devices.flatMap((device) => newest.get(device) ?? []);
  const width = Math.max(0, ...wave.devices.map((device) => device.length));
  const line = ({ installationId, device, state, version, reason }: InstallationView) => {
    const more = reason?.message ?? progressText(state, progress.get(installationId));
    return `${device.padEnd(width)}  ${version}  ${colourOf(state)(state)}${more ? pc.dim(`  ${more}`) : ''}`;
  };
  if (wave.devices.length <= DEVICES_SHOWN) return rows.map(line);
  const byState = Map.groupBy(rows, ({ state }) => state);
  const bad = rows.filter(({ state }) => isFinal(installationTable, state) && state !== 'COMMITTED');
  const counts = [...byState].map(([state, members]) => `${members.length} ${colourOf(state)(state)}`).join(', ');
  return [counts, ...bad.slice(0, DEVICES_SHOWN).map(line)];
}

const takenLines = ({ taken }: WaveView): string[] =>
  [...Map.groupBy(taken, ({ by }) => by)].map(([by, devices]) =>
    pc.dim(`    ${shortList(devices.map(({ device }) => device))} taken over by ${by}`),
  );

function progressText(
  state: InstallationState,
  at: { stage: string; done: number; total: number } | undefined,
): string {
  if (!at || at.total <= 0) return '';
  if (state === 'DOWNLOADING') return `${bytes(at.done)} of ${bytes(at.total)}`;
  return state === 'PROBING' && at.stage !== 'download'
    ? `${at.stage} ${Math.floor(at.done)} of ${Math.floor(at.total)}`
    : '';
}

export function mark(verdict: 'pass' | 'fail' | 'insufficient'): string {
  return { pass: pc.green('✓'), fail: pc.red('✗'), insufficient: pc.yellow('?') }[verdict];
}

const GOOD = new Set(['COMMITTED', 'PASSED', 'SUCCEEDED']);
const BAD = new Set(['FAILED', 'REJECTED', 'TIMED_OUT', 'ROLLED_BACK', 'STOPPED', 'ABORTED', 'SUPERSEDED']);
const WAITING = new Set(['PAUSED', 'AWAITING_APPROVAL', 'ROLLING_BACK']);

export function colourOf(state: string): (text: string) => string {
  if (GOOD.has(state)) return pc.green;
  if (BAD.has(state)) return pc.red;
  return WAITING.has(state) ? pc.yellow : pc.cyan;
}

export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
