#!/usr/bin/env node
// The command `still`. Plain JavaScript, so that an older Node can start it; everything behind it is TypeScript that runs
// on the Node which the project brings along (the package node-linux-<arch>), or on this one where it is new enough.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Runs TypeScript by itself and loads the native packages. */
const OLDEST_NODE = [22, 18];
/** From the end of the parent process to a forced end of this one. */
const ORPHAN_GRACE_MS = 10_000;

const self = realpathSync(fileURLToPath(import.meta.url));
const rooms = {
  agent: '../../agent/main.ts',
  distil: '../../server/cli/distil/main.ts',
  run: '../../agent/run-command.ts',
  runtime: '../../agent/runtime-command.ts',
  serve: '../../server/main.ts',
};

if (isNewEnough(process.versions.node)) await runHere();
else runElsewhere();

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

async function runHere() {
  endWithParent();
  module.enableCompileCache?.();
  // "still help serve" asks what "still serve --help" says.
  if (process.argv[2] === 'help' && process.argv[3]) process.argv.splice(2, 2, process.argv[3], '--help');
  const [word = ''] = process.argv.slice(2);
  const room = Object.hasOwn(rooms, word) ? rooms[word] : '../../server/cli/main.ts';
  const entry = new URL(room, `file://${self}`);
  if (!existsSync(entry)) return fail(missing(word));
  if (Object.hasOwn(rooms, word)) process.argv.splice(2, 1);
  // An entry file may ask whether it is the program that was started.
  process.argv[1] = fileURLToPath(entry);
  await import(entry.href);
}

function missing(word) {
  if (word === 'agent' || word === 'run' || word === 'runtime')
    return 'the agent is not installed here: run npm ci in a checkout of the project';
  if (word === 'distil') return 'the toolkit is not installed here: "still distil" works in a checkout of the project';
  const installed = existsSync(new URL(rooms.agent, `file://${self}`)) ? ' Here, "still agent" works.' : '';
  return `the server package is not installed here, so there is no "still ${word}".${installed}`;
}

/** A parent that left an IPC channel wants this process to end with it, however the parent itself ends. */
function endWithParent() {
  if (!process.channel) return;
  process.on('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_GRACE_MS).unref();
  });
  process.channel.unref();
}

function runElsewhere() {
  const node = packagedNode();
  if (!node)
    return fail(
      `Node ${process.versions.node} is too old (${OLDEST_NODE.join('.')} or newer is needed), and the package ` +
        `node-linux-${process.arch}, which brings a newer one, is not installed: run npm ci in the project's folder`,
    );
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the whole group: the child has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function packagedNode() {
  try {
    const home = createRequire(self).resolve(`node-linux-${process.arch}/package.json`);
    const node = home.replace(/package\.json$/, 'bin/node');
    return existsSync(node) ? node : null;
  } catch {
    return null;
  }
}

function fail(message) {
  console.error(`still: ${message}`);
  process.exitCode = 1;
}
