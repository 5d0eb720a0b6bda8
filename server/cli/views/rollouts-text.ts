import pc from 'picocolors';
import type { RolloutView } from '../../../shared/http-api.ts';
import { moment } from '../../../shared/units.ts';
import { columns } from '../columns.ts';
import { stateText } from './rollout-text.ts';

const HEADS = ['ROLLOUT', 'VERSION', 'TO', 'STATE', 'WAVES', 'STARTED (UTC)'].map((title) => ({ title }));

export function rolloutsText(rollouts: readonly RolloutView[]): string {
  if (rollouts.length === 0) return 'No rollouts. "still rollout start MODEL@VERSION --to SELECTOR" starts one.';
  const rows = rollouts.map((rollout) => {
    const { rolloutId, model, version, selector, waves, startedAtMs } = rollout;
    const passed = waves.filter(({ state }) => state === 'PASSED').length;
    return [
      ...[rolloutId, pc.bold(`${model}@${version}`), selector, stateText(rollout)],
      ...[`${passed}/${waves.length}`, moment(startedAtMs)],
    ];
  });
  return columns(HEADS, rows);
}
