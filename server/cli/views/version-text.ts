import pc from 'picocolors';
import type { AnswerOf } from '../../../shared/http-api.ts';
import { inferencePrecisionOf } from '../../../shared/inference-precision.ts';
import type { Manifest, Variant } from '../../../shared/manifest.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, latency, moment, parameters } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const right = 'right' as const;
const HEADS = [
  { title: 'VARIANT' },
  { title: 'PARAMETERS', align: right },
  { title: 'SIZE', align: right },
  { title: 'PICTURE' },
  { title: 'STEPS', align: right },
  { title: 'QUALITY', align: right },
  { title: 'LATENCY', align: right },
  { title: 'MEMORY', align: right },
];

export function versionText({ manifest, ...version }: AnswerOf<'showVersion'>): string {
  const rows = manifest.variants.map((variant) => [
    variant.name,
    parameters(variant.parameters),
    bytes(version.variants.find(({ name }) => name === variant.name)?.sizeBytes ?? 0),
    `${variant.resolution.width}×${variant.resolution.height}`,
    String(variant.steps),
    variant.scores ? `${variant.scores.quality.toFixed(2)}/5` : '–',
    ...(isMeasured(variant) ? [latency(variant.measured.latencyMs), bytes(variant.measured.peakRssBytes)] : ['–', '–']),
  ]);
  const byPython = manifest.variants.some(({ measured }) => measured.process !== 'engine');
  const machines = [...new Set(manifest.variants.map(({ measured }) => measured.machine))];
  return [
    `${pc.bold(`${version.model}@${version.version}`)}  ${version.licence}, published ${moment(version.publishedAtMs)}`,
    ...(manifest.description ? [manifest.description] : []),
    pc.dim(`sha256 ${version.versionDigest}`),
    '',
    columns(HEADS, rows),
    pc.dim(`measured by the publisher on ${machines.join('; ')}`),
    ...manifest.variants.filter((variant) => !isMeasured(variant)).map(unmeasuredLine),
    ...(byPython ? [pc.dim('MEMORY: of a Python process; an engine takes more, see "still table".')] : []),
    ...adapterLines(manifest),
    ...evaluationLines(manifest),
    ...lineageLines(manifest),
  ].join('\n');
}

/** Whether the publisher's figures are of what the variant computes in. */
const isMeasured = ({ measured }: Variant): boolean => measured.inferencePrecision === undefined;

const unmeasuredLine = (variant: Variant): string =>
  pc.dim(
    `${variant.name}: the publisher's processor does not compute in ${inferencePrecisionOf(variant)}; see "still table"`,
  );

function adapterLines({ variants }: Manifest): string[] {
  return variants.flatMap(({ name, adapters = [] }) =>
    adapters.map(
      ({ path, scale, components }) => `${name} merges the LoRA ${path} into ${components.join(', ')}, scale ${scale}.`,
    ),
  );
}

function evaluationLines({ evaluation }: Manifest): string[] {
  if (!evaluation) return ['', 'No evaluation set: devices cannot measure its quality.'];
  const { teacher, prompts } = evaluation;
  const share = (value: number) => `${(100 * value).toFixed(0)} %`;
  return [
    '',
    `Evaluation: ${plural(prompts, 'prompt')}; of the teacher's pictures ${share(teacher.whole)} have every part right, ` +
      `${share(teacher.adherence)} of all parts.`,
  ];
}

function lineageLines({ lineage }: Manifest): string[] {
  if (!lineage) return [];
  const phases = lineage.phases.map(({ name, steps }) => `${name} (${plural(steps, 'step')})`).join(' → ');
  return [
    `Distilled from ${lineage.teacher.name} (${parameters(lineage.teacher.parameters)} parameters), family ${lineage.family}, ` +
      `data ${lineage.data.name}, seed ${lineage.seed}, toolkit ${lineage.toolkitVersion}.`,
    ...(phases ? [`Phases: ${phases}.`] : []),
  ];
}
