// The house style where a machine can see it; each message names the remedy.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
const tracked = git('ls-files', '--cached', '--others', '--exclude-standard').filter((path) =>
  existsSync(`${root}/${path}`),
);
const typescript = tracked.filter((path) => path.endsWith('.ts'));
const source = typescript.filter((path) => /^(shared|server|agent)\//.test(path) && !path.endsWith('.test.ts'));
const text = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const lines = (path: string) => text(path).split('\n').length;

describe('files', () => {
  it('are short: split a file that has more than one reason to change', () => {
    const tables = new Set(['shared/http-api.ts']);
    expect(source.filter((path) => !tables.has(path) && lines(path) > 300)).toEqual([]);
    const sizes = source.map(lines).sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(100);
  });

  it('are named for what they do: no barrels and no drawers', () => {
    const drawers = /^(index|utils?|helpers?|common|misc|types|lib)\.ts$/;
    expect(typescript.filter((path) => drawers.test(basename(path)))).toEqual([]);
    expect(typescript.filter((path) => /\/(utils?|helpers?|common|lib|types)\//.test(path))).toEqual([]);
  });

  it('are named in kebab-case', () => {
    expect(typescript.filter((path) => !/^[a-z0-9.-]+$/.test(basename(path)))).toEqual([]);
  });
});

describe('sources', () => {
  it('leave nothing for later and switch no test off', () => {
    const later = new RegExp(['TO', 'DO|FIX', 'ME|\\bX', 'XX\\b|HA', 'CK\\b'].join(''));
    const off = /\b(it|test|describe)\.(only|skip)\(/;
    expect(typescript.filter((path) => later.test(text(path)) || off.test(text(path)))).toEqual([]);
  });

  it('read the environment in config files only: hand the value in', () => {
    const readers = source.filter((path) => /process\.env\b/.test(text(path)) && basename(path) !== 'config.ts');
    expect(readers).toEqual([]);
  });

  it('export by name, not by default', () => {
    expect(source.filter((path) => /^export default\b/m.test(text(path)))).toEqual([]);
  });
});

describe('what is tracked', () => {
  it('names no registry and no folder of one machine', () => {
    const addresses = new RegExp(
      ['registry\\.npm', 'js|pypi\\.o', 'rg|pythonhos', 'ted|/ro', 'ot/|/home/[a-z]'].join(''),
    );
    const documents = tracked.filter((path) => /\.(ts|js|cjs|json|md|toml|py|lock|yml|sh|service|in)$/.test(path));
    expect(documents.filter((path) => addresses.test(text(path)))).toEqual([]);
  });
});

describe('the lock file', () => {
  const { packages } = JSON.parse(text('package-lock.json')) as {
    packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }>;
  };

  it('holds every optional package of every platform: npm ci refuses one that does not', () => {
    const named = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ path, name })),
    );
    const held = ({ path, name }: { path: string; name: string }) =>
      `${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages;
    expect(named.filter((one) => !held(one))).toEqual([]);
  });

  it('names no address', () => {
    expect(text('package-lock.json')).not.toMatch(/"resolved": "http/);
  });
});
