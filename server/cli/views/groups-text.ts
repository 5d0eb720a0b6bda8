import pc from 'picocolors';
import type { GroupView } from '../../../shared/http-api.ts';
import { moment } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const HEADS = ['GROUP', 'SELECTOR', 'SAVED (UTC)', 'BY'].map((title) => ({ title }));

export function groupsText(groups: readonly GroupView[]): string {
  if (groups.length === 0) return 'No groups. "still group save NAME SELECTOR" keeps a selector as "@NAME".';
  const rows = groups.map(({ name, selector, savedAtMs, savedBy }) => [
    pc.bold(`@${name}`),
    selector,
    moment(savedAtMs),
    savedBy,
  ]);
  return columns(HEADS, rows);
}
