// The command as a shell sees it: the launcher, its exit codes, its two streams.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const STILL = fileURLToPath(new URL('../../shared/bin/still.js', import.meta.url));
/** A folder with a manifest. */
const KEPT = fileURLToPath(new URL('../../test/fixtures/shapes-tiny/1.0.0', import.meta.url));

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

function still(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, STILL_SERVER: undefined, STILL_KEY: undefined, NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [STILL, ...args], { cwd: tmpdir(), env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const answering = (status: number, body: unknown) => serving(() => JSON.stringify(body), status);

async function serving(answer: (method: string, url: string) => string, status = 200): Promise<string[]> {
  const listening = createServer(({ method = '', url = '' }, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(answer(method, url));
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return ['--server', `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, '--key', 'k'];
}

test('help and version end well', async () => {
  expect(await still('--help')).toMatchObject({ code: 0, stderr: '' });
  expect((await still('rollout', 'start', '--help')).stdout).toContain('--gate');
  expect((await still('help', 'picture')).stdout).toContain('still picture [options] <device> <prompt>');
  expect((await still('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

const NOBODY = ['--server', 'http://x:1', '--key', 'k'];

test.each([
  [['no-such-command'], 'unknown command'],
  [['bench', 'compare', 'a@1.0.0', 'a@1.1.0', 'pi', '--size', '8x8', ...NOBODY], '--size:'],
  [['picture', 'pi', 'a fox', '--previews', STILL, ...NOBODY], 'this is a file; name a folder'],
  [['publish', KEPT, '--inference-precision', 'bf16', ...NOBODY], 'error: --inference-precision: '],
  [['picture', 'pi-kitchen'], "missing required argument 'prompt'"],
  [
    ['bench', 'samples', 'b1', '-o', '/nowhere/s.csv', ...NOBODY],
    '--output /nowhere/s.csv: there is no folder /nowhere',
  ],
  [
    ['picture', 'pi', 'a fox', '-o', '/nowhere/fox.png', ...NOBODY],
    '--out /nowhere/fox.png: there is no folder /nowhere',
  ],
  [['rollout', 'start', 'a@1.0.0', '--to', 'all', '--gate', 'quality=>4'], 'position 8'],
  [['devices', 'label', 'pi-kitchen', 'Bad Key=1'], 'KEY=VALUE'],
  [['token', 'create', '--expires', 'soon'], 'duration'],
  [['devices'], 'no server is named'],
])('wrong usage is 2: %j', async (args, words) => {
  const { code, stdout, stderr } = await still(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(words);
});

test.each([
  [['devices', '--json', '--server', 'http://127.0.0.1:1', '--key', 'k'], 3, 'unavailable', /no Stillhouse server/],
  [['devices', '--json', '--no-such'], 2, 'invalid_input', /^unknown option '--no-such'$/],
  [['--json', 'token', 'create', '--expires', 'soon'], 2, 'invalid_input', /duration/],
  [['run', '/no/such/folder', 'a fox', '--json'], 2, 'invalid_input', /no folder/],
  [['run', tmpdir(), 'a fox', '--json', '--no-such'], 2, 'invalid_input', /--no-such/],
  [['runtime', 'install', 'cuda', '--json'], 2, 'invalid_input', /expected openvino/],
])('with --json a failure is an object too: %j', async (args, code, errorCode, message) => {
  const ended = await still(...args);
  expect(ended.code).toBe(code);
  expect(JSON.parse(ended.stdout)).toMatchObject({
    error: { code: errorCode, message: expect.stringMatching(message) },
  });
  expect(ended.stderr).not.toBe('');
});

test('after -- it is a prompt, and help is no failure', async () => {
  expect((await still('run', '/no/such/folder', '--', '--json')).stdout).toBe('');
  expect((await still('devices', '--json', '--help')).stdout).toMatch(/^Usage/);
});

test('not reachable is 3', async () => {
  const { code, stderr } = await still('devices', '--server', 'http://127.0.0.1:1', '--key', 'k');
  expect(code).toBe(3);
  expect(stderr).toContain('no Stillhouse server answers');
});

test('refused is 4, failed is 1, with the words of the server', async () => {
  const problem = { type: 'about:blank', title: 't' };
  const refusing = await answering(403, {
    ...problem,
    status: 403,
    code: 'forbidden',
    detail: 'this key may only read',
  });
  expect(await still('devices', ...refusing)).toMatchObject({ code: 4, stderr: 'error: this key may only read\n' });
  server?.close();
  const missing = await answering(404, { ...problem, status: 404, code: 'not_found', detail: 'no device "pi-x"' });
  expect(await still('devices', 'show', 'pi-x', ...missing)).toMatchObject({
    code: 1,
    stderr: 'error: no device "pi-x"\n',
  });
});

test('a key that the server does not know is named as such, with the options that name another', async () => {
  const unknown = { type: 'about:blank', title: 't', status: 401, code: 'unauthenticated', detail: 'send a header' };
  const { code, stderr } = await still('devices', ...(await answering(401, unknown)));
  expect(code).toBe(4);
  expect(stderr).toMatch(/does not know this key.*\n.*--key and STILL_KEY/);
});

test('help shows the options of the command, and those of every command', async () => {
  const { stdout } = await still('bench', 'samples', '--help');
  expect(stdout).toContain('--output');
  expect(stdout).toContain('--json');
  expect(stdout).not.toContain('--mode');
});

/** A picture as the server shows it, made from its number as the seed. */
function made(seed: number) {
  const request = { prompt: 'a fox', seed };
  const times = { requestedAtMs: 0, deadlineMs: 1, endedAtMs: 1 };
  const file = { sha256: '0'.repeat(64), sizeBytes: 3, latencyMs: 5, stagesMs: {}, peakRssBytes: 1 };
  const heard = { unknownWords: [], promptCuts: [], literalWeights: [] };
  const ran = { model: 'a', version: '1.0.0', variant: 'onnxruntime-fp16', seed, steps: 1, width: 8, height: 8 };
  return {
    ...{ pictureId: `pic_${String(seed).repeat(26)}`, device: 'pi', state: 'SUCCEEDED', reason: null, ...times },
    ...{ request, progress: null, handOvers: [], result: { ...file, ...heard, ...ran } },
  };
}

/** Of pictures that have ended before they are looked at. */
async function servingPictures(views: readonly (Record<string, unknown> & { pictureId: string })[]): Promise<string[]> {
  let asked = 0;
  return serving((method, url) => {
    if (url.endsWith('/content')) return 'png';
    return JSON.stringify(method === 'POST' ? views[asked++] : views.find(({ pictureId }) => url.endsWith(pictureId)));
  });
}

test('a series that ends early says what it has saved', async () => {
  const reason = { code: 'engine_killed', message: 'it was killed' };
  const connection = await servingPictures([made(1), { ...made(2), state: 'FAILED', reason, result: null }]);
  const folder = await mkdtemp(join(tmpdir(), 'still-series-'));
  const out = join(folder, 'fox.png');
  const { code, stdout, stderr } = await still('picture', 'pi', 'a fox', '--count', '2', '-o', out, ...connection);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'error: the picture on pi ended FAILED: it was killed (engine_killed)\n',
  });
  expect(stdout).toContain(`saved ${join(folder, 'fox-1.png')}`);
});

test('with --json such a series prints what it has saved beside the error', async () => {
  const reason = { code: 'engine_killed', message: 'it was killed' };
  const connection = await servingPictures([made(1), { ...made(2), state: 'FAILED', reason, result: null }]);
  const folder = await mkdtemp(join(tmpdir(), 'still-series-'));
  const file = join(folder, 'fox-1.png');
  const asked = ['picture', 'pi', 'a fox', '--count', '2', '-o', join(folder, 'fox.png'), '--json'];
  const { code, stdout } = await still(...asked, ...connection);
  expect({ code, printed: JSON.parse(stdout) }).toEqual({
    code: 1,
    printed: {
      pictures: [expect.objectContaining({ file, seed: 1 })],
      error: expect.objectContaining({ problems: [reason] }),
    },
  });
});

test('with --json the reason of a device keeps its own code, and is said once to a person', async () => {
  const reason = { code: 'size_not_supported', message: 'size: 63x63 is not possible' };
  const connection = await servingPictures([{ ...made(1), state: 'REJECTED', reason, result: null }]);
  const { code, stdout, stderr } = await still('picture', 'pi', 'a fox', '--json', ...connection);
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: 'error: the picture on pi ended REJECTED: size: 63x63 is not possible (size_not_supported)\n',
  });
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unprocessable', problems: [reason] } });
});

test('the previews of a series stand beside each other, named as its pictures are', async () => {
  const progress = { stage: 'denoise', done: 3, total: 4, preview: Buffer.from('small').toString('base64') };
  const connection = await servingPictures([1, 2].map((seed) => ({ ...made(seed), progress })));
  const folder = await mkdtemp(join(tmpdir(), 'still-previews-'));
  const out = join(folder, 'fox.png');
  const asked = ['picture', 'pi', 'a fox', '--count', '2', '-o', out, '--previews', join(folder, 'previews')];
  expect((await still(...asked, ...connection)).stdout).toContain('2 previews in');
  expect((await readdir(join(folder, 'previews'))).sort()).toEqual(['fox-1-step-3.png', 'fox-2-step-3.png']);
});

// Two that wait together are one to the process; the last may come while it ends.
test.each([1, 5, 10, 20])(
  'Ctrl-C that comes again after %d ms, as npm and the launcher pass it on, takes the picture back',
  async (afterMs) => {
    const waiting = { ...made(1), state: 'QUEUED', endedAtMs: null, result: null };
    const asked: string[] = [];
    const seen = Promise.withResolvers<void>();
    const connection = await serving((method, url) => {
      asked.push(`${method} ${url}`);
      if (method === 'GET' && url.endsWith(waiting.pictureId)) seen.resolve();
      return JSON.stringify(waiting);
    });
    const child = spawn(process.execPath, [STILL, 'picture', 'pi', 'a fox', ...connection], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    await seen.promise;
    child.kill('SIGINT');
    await sleep(afterMs);
    child.kill('SIGINT');
    expect(await ended).toEqual([1, null]);
    expect(asked).toContain(`POST /v1/pictures/${waiting.pictureId}/cancel`);
  },
);

test('options may stand before the command or after it', async () => {
  const connection = await answering(200, []);
  expect(await still(...connection, '--json', 'devices')).toMatchObject({ code: 0, stdout: '[]\n' });
  expect(await still('devices', ...connection, '--json')).toMatchObject({ code: 0, stdout: '[]\n' });
});

test('a process with a parent that left an IPC channel ends with that parent', { timeout: 20_000 }, async () => {
  const listening = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
  server = listening;
  const heard = once(listening, 'request');
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const args = [STILL, 'events', '--server', url, '--key', 'k'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const ended = once(child, 'exit');
  await heard;
  expect(child.exitCode).toBe(null);
  child.disconnect();
  expect(await ended).toEqual([null, 'SIGTERM']);
});

const hasToolkit = existsSync(new URL('../../models/.venv/bin/python', import.meta.url));

// Without the Python environment, asking for it would begin to fetch gigabytes.
describe.runIf(hasToolkit)('distil hands everything to the toolkit', { timeout: 120_000 }, () => {
  test('its help, its result as JSON, its sentences and exit codes', async () => {
    const help = await still('distil', '--help');
    expect(help).toMatchObject({ code: 0 });
    for (const command of ['run', 'inspect', 'evaluate', 'doctor', 'plot']) expect(help.stdout).toContain(command);
    const inspected = await still('distil', 'inspect', '--family', 'lite-unet', '--channels', '32,64,128', '--json');
    expect(JSON.parse(inspected.stdout)).toMatchObject({ family: 'lite-unet', parameters: 2_200_699 });
    expect(await still('distil', 'inspect', '--channels', 'wide')).toMatchObject({ code: 2, stdout: '' });
    expect((await still('distil', '/no/recipe.toml', '--out', tmpdir())).stderr).toContain('does not exist');
  });
});
