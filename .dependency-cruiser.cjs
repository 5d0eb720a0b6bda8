// The table of rooms (ARCHITECTURE.md) as rules: who may import whom, types included, and which packages are locked to
// which room. test/rules/imports.test.ts plants violations and sees them found.

const tests = '\\.test\\.ts$';

/** `room` may import only what `allowed` matches (and itself, Node's own modules, and packages, which have locks below). */
const only = (room, allowed, remedy) => ({
  name: `room ${room}`,
  severity: 'error',
  comment: remedy,
  from: { path: `^${room}`, pathNot: tests },
  to: {
    path: '^(shared|server|agent|models|deploy|test)/',
    pathNot: ['(^|/)node_modules/', `^${room}`, ...allowed.map((path) => `^${path}`)],
  },
});

/** Only files that match `rooms` may import the package. */
const lock = (name, rooms, remedy) => ({
  name: `package ${name}`,
  severity: 'error',
  comment: remedy,
  from: { path: '^(shared|server|agent)/', pathNot: [tests, ...rooms.map((room) => `^${room}`)] },
  to: { path: `(^|/)node_modules/(${name})/` },
});

/** Files of one folder that each hold one verb never call each other. */
const siblings = (folder) => ({
  name: `siblings of ${folder}`,
  severity: 'error',
  comment: `One verb, one file: what two files of ${folder} share belongs to rules/, store/ or shared/.`,
  from: { path: `^${folder}/([^/]+)\\.ts$`, pathNot: tests },
  to: { path: `^${folder}/[^/]+\\.ts$`, pathNot: `^${folder}/$1\\.ts$` },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no cycle',
      severity: 'error',
      comment: 'Move what both need into a third file.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nobody imports tests',
      severity: 'error',
      from: { path: '^(shared|server|agent)/', pathNot: tests },
      to: { path: `^test/|${tests}` },
    },
    {
      name: 'known imports only',
      severity: 'error',
      comment: 'The file or package does not exist.',
      from: {},
      to: { couldNotResolve: true },
    },

    only('shared/', [], 'shared imports nothing of ours.'),
    only('server/', ['shared/'], 'Server and agent never see each other: what both need stands in shared/.'),
    only('agent/', ['shared/'], 'Server and agent never see each other: what both need stands in shared/.'),
    only('server/rules/', ['shared/'], 'Rules are pure: hand the facts in.'),
    only('agent/rules/', ['shared/'], 'Rules are pure: hand the facts in.'),
    only('server/store/', ['shared/'], 'The store knows no action: actions call it.'),
    only(
      'server/actions/',
      ['server/rules/', 'server/store/', 'shared/'],
      'An action uses rules, the store and shared.',
    ),
    only('server/cli/', ['shared/'], 'The command line speaks HTTP (shared/http-api.ts), like anyone.'),
    only('agent/runtime/', ['shared/'], 'A runtime knows no pipeline.'),
    only(
      'agent/pipeline/',
      ['agent/runtime/', 'agent/engine/engine\\.ts', 'shared/'],
      'A pipeline knows the runtime’s interface only.',
    ),

    lock('kysely', ['server/store/'], 'SQL stands in server/store: call a query there.'),
    lock('better-sqlite3', ['server/store/', 'agent/store/'], 'SQLite is known to the stores only.'),
    lock('express', ['server/http/'], 'Express is known to server/http only.'),
    lock(
      'aedes|mqtt|mqtt-packet|mqtt-connection',
      ['server/mqtt/', 'agent/mqtt/'],
      'MQTT is known to the mqtt rooms only.',
    ),
    lock('koffi|yauzl', ['agent/runtime/'], 'Native libraries are reached by agent/runtime only.'),
    lock('sharp', ['shared/picture-file\\.ts'], 'Photographs are read by shared/picture-file.ts only.'),
    lock('onnxruntime-node', ['agent/runtime/'], 'Ask for a session through agent/runtime/runtime.ts.'),

    siblings('server/actions'),
    siblings('server/rules'),
    siblings('agent/rules'),
    siblings('agent/steps'),
    siblings('agent/jobs'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(models|dist)/|/node_modules/.*/node_modules/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
    moduleSystems: ['es6', 'cjs'],
  },
};
