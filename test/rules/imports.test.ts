// The import rules find what they are for: each planted violation is named by its rule. Types count as imports.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let found: { rule: { name: string }; from: string }[];

const planted: [rule: string, file: string, source: string][] = [
  ['room shared/', 'shared/bad.ts', "import type { X } from '../server/x.ts';\nexport type Y = X;"],
  ['room server/', 'server/bad.ts', "import type { Z } from '../agent/z.ts';\nexport type Y = Z;"],
  ['room agent/', 'agent/bad.ts', "import { x } from '../server/x.ts';\nexport const y = x;"],
  ['room server/rules/', 'server/rules/bad.ts', "import { s } from '../store/s.ts';\nexport const y = s;"],
  ['room server/cli/', 'server/cli/bad.ts', "import { s } from '../store/s.ts';\nexport const y = s;"],
  ['siblings of server/actions', 'server/actions/bad.ts', "import { a } from './a.ts';\nexport const y = a;"],
  ['package kysely', 'server/actions/sql.ts', "import { Kysely } from 'kysely';\nexport const y = Kysely;"],
  [
    'package aedes|mqtt|mqtt-packet|mqtt-connection',
    'agent/loop.ts',
    "import mqtt from 'mqtt';\nexport const y = mqtt;",
  ],
  [
    'package onnxruntime-node',
    'agent/pipeline/bad.ts',
    "import { Tensor } from 'onnxruntime-node';\nexport const y = Tensor;",
  ],
  ['nobody imports tests', 'agent/tested.ts', "import { t } from '../test/t.ts';\nexport const y = t;"],
  ['no cycle', 'shared/one.ts', "import { two } from './two.ts';\nexport const one = () => two;"],
];
const innocent: [file: string, source: string][] = [
  ['server/x.ts', 'export type X = 1;\nexport const x = 1;'],
  ['server/store/s.ts', "import { Kysely } from 'kysely';\nexport const s = Kysely;"],
  ['server/actions/a.ts', "import { s } from '../store/s.ts';\nexport const a = s;"],
  ['agent/z.ts', 'export type Z = 1;'],
  ['shared/two.ts', "import { one } from './one.ts';\nexport const two = () => one;"],
  ['test/t.ts', 'export const t = 1;'],
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-rules-'));
  for (const [file, source] of [...planted.map(([, file, source]) => [file, source] as const), ...innocent]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const cruise = join(root, 'node_modules/.bin/depcruise');
  const args = [
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'json',
    '--output-to',
    'out.json',
    'shared',
    'server',
    'agent',
    'test',
  ];
  await promisify(execFile)(cruise, args, { cwd: folder }).catch((error: { stderr: string }) => error.stderr);
  found = (JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as { summary: { violations: typeof found } })
    .summary.violations;
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(planted)('%s is enforced', (rule, file) => {
  expect(found.filter(({ from }) => from === file).map((violation) => violation.rule.name)).toContain(rule);
});

it('leaves legal imports alone', () => {
  const guilty = new Set(found.map(({ from }) => from));
  for (const [file] of innocent.filter(([file]) => file !== 'shared/two.ts')) expect(guilty).not.toContain(file);
});
