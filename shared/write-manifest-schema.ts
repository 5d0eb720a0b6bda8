// Writes manifest.schema.json (JSON Schema 2020-12), or with --check fails when it is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { EvaluationSet, EvaluatorConfig } from './evaluation-files.ts';
import { Manifest } from './manifest.ts';

const target = new URL('./manifest.schema.json', import.meta.url);
const schema = z.toJSONSchema(Manifest, { io: 'input' });
const definitions = {
  EvaluationSet: z.toJSONSchema(EvaluationSet, { io: 'input' }),
  EvaluatorConfig: z.toJSONSchema(EvaluatorConfig, { io: 'input' }),
};
for (const definition of Object.values(definitions)) delete definition.$schema;
const text = `${JSON.stringify({ ...schema, title: 'Stillhouse version manifest', $defs: definitions }, null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) {
  console.error('shared/manifest.schema.json is out of date: run "npm run schema"');
  process.exitCode = 1;
}
