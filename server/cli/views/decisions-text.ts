import pc from 'picocolors';
import type { DecisionView } from '../../../shared/http-api.ts';
import { moment } from '../../../shared/units.ts';

/** One decision a paragraph: when, who, what, and its clauses. */
export function decisionsText(decisions: readonly DecisionView[]): string {
  if (decisions.length === 0) return 'Nothing was decided yet.';
  return decisions
    .map(({ atMs, actor, kind, explanation }) => {
      const [first = '', ...clauses] = explanation.split('; ').filter(Boolean);
      const head = `${pc.dim(moment(atMs))}  ${pc.bold(kind)}  ${first}  ${pc.dim(actor)}`;
      return [head, ...clauses.map((clause) => `    ${clause}`)].join('\n');
    })
    .join('\n');
}
