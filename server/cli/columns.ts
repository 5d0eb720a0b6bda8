// Rows in aligned columns, without borders.
import CliTable from 'cli-table3';
import pc from 'picocolors';

const nothing = '';
const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((part) => [part, nothing]),
);

export interface Column {
  readonly title: string;
  /** Numbers stand right, so that their digits line up. */
  readonly align?: 'left' | 'right';
}

export function columns(heads: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new CliTable({
    head: heads.map(({ title }) => pc.dim(title)),
    colAligns: heads.map(({ align = 'left' }) => align),
    chars: { ...noBorders, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
