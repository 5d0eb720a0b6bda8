import pc from 'picocolors';
import type { ModelView } from '../../../shared/http-api.ts';
import { bytes, moment, parameters } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const HEADS = [
  { title: 'VERSION' },
  { title: 'PARAMETERS', align: 'right' as const },
  { title: 'SIZE', align: 'right' as const },
  { title: 'VARIANTS' },
  { title: 'LICENCE' },
  { title: 'PUBLISHED' },
];

export function modelsText(models: readonly ModelView[]): string {
  if (models.length === 0) return 'No models. "still publish FOLDER" publishes one.';
  const rows = models.flatMap(({ versions }) =>
    versions.map(({ model, version, variants, sizeBytes, licence, publishedAtMs }) => [
      pc.bold(`${model}@${version}`),
      parameters(Math.max(...variants.map((variant) => variant.parameters))),
      bytes(sizeBytes),
      variants.map(({ name }) => name).join(', '),
      licence,
      moment(publishedAtMs),
    ]),
  );
  return columns(HEADS, rows);
}
