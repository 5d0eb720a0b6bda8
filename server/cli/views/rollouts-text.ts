import pc from 'picocolors';
import type { RolloutView } from '../../../shared/http-api.ts';
import { moment } from '../../../shared/units.ts';
import { columns } from '../columns.ts';
import { colourOf } from './rollout-text.ts';

const HEADS = ['ROLLOUT', 'VERSION', 'TO', 'STATE', 'WAVES', 'STARTED (UTC)'].map((title) => ({ title }));

export function rolloutsText(rollouts: readonly RolloutView[]): string {
  if (rollouts.length === 0) return 'No rollouts. "still rollout start MODEL@VERSION --to SELECTOR" starts one.';
  const rows = rollouts.map(({ rolloutId, model, version, selector, state, waves, startedAtMs }) => [
    rolloutId,
    pc.bold(`${model}@${version}`),
    selector,
    colourOf(state)(state),
    `${waves.filter((wave) => wave.state === 'PASSED').length}/${waves.length}`,
    moment(startedAtMs),
  ]);
  return columns(HEADS, rows);
}
