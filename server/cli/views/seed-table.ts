// The seed table: what each version costs and gives on each device.
import pc from 'picocolors';
import type { TableRow } from '../../../shared/http-api.ts';
import { bytes, latency, parameters } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const right = 'right' as const;
const HEADS = [
  { title: 'DEVICE' },
  { title: 'VERSION' },
  { title: 'VARIANT' },
  { title: 'PARAMETERS', align: right },
  { title: 'P50', align: right },
  { title: 'P90', align: right },
  { title: 'SEEN', align: right },
  { title: 'MEMORY', align: right },
  { title: 'QUALITY', align: right },
  { title: '' },
];

export function seedTable(rows: readonly TableRow[]): string {
  if (rows.length === 0) return 'No measurements. "still bench DEVICE MODEL@VERSION" makes one.';
  const sorted = rows.toSorted(byDeviceThenVersion);
  const printed = sorted.map((row, index) => [
    sorted[index - 1]?.device === row.device ? '' : pc.bold(row.device),
    `${row.model}@${row.version}`,
    row.variant,
    parameters(row.parameters),
    latency(row.latencyMsP50),
    row.latencyMsP90 === null ? '–' : latency(row.latencyMsP90),
    row.pictures === null ? '–' : latency(row.pictures.seenMsP50),
    bytes(row.peakRssBytes),
    row.quality === null ? '–' : `${row.quality.toFixed(2)}/5`,
    row.disturbed ? pc.yellow('disturbed') : '',
  ]);
  return [columns(HEADS, printed), ...notes(rows).map((note) => pc.dim(note))].join('\n');
}

function notes(rows: readonly TableRow[]): string[] {
  return [
    'P50, P90: one picture, from prompt to PNG. MEMORY: peak of the engine process.',
    ...(rows.some(({ pictures }) => pictures !== null)
      ? [
          'SEEN: one such picture as the server saw it, from request to PNG: line, network and transfer included (median).',
        ]
      : []),
    "QUALITY: by the version's own evaluator; its teacher stands at 5.",
    ...(rows.some((row) => row.latencyMsP90 === null || row.pictures === null || row.quality === null)
      ? ['–: not measured there, or too few samples for that number.']
      : []),
    ...(rows.some(({ disturbed }) => disturbed)
      ? ['disturbed: something else was going on there meanwhile; measure again when it is quiet.']
      : []),
  ];
}

const compare = new Intl.Collator('en', { numeric: true }).compare;

function byDeviceThenVersion(a: TableRow, b: TableRow): number {
  return compare(a.device, b.device) || compare(a.model, b.model) || compare(a.version, b.version);
}
