import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { StillError } from '../../shared/errors.ts';
import { Client, fillPath } from './client.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function clientOf(listener: RequestListener): Promise<Client> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`);
  return new Client({ url, key: 'sk_test' });
}

const answering = (status: number, body: unknown, type = 'application/json') =>
  clientOf((_, response) => {
    response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });

async function failureOf(work: Promise<unknown>): Promise<StillError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof StillError) return error;
  throw new Error(`expected a StillError, got ${String(error)}`);
}

describe('call', () => {
  test('sends key, path, query and body where the route says', async () => {
    const seen: string[] = [];
    const client = await clientOf(async (request, response) => {
      const body = await text(request);
      seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
      response.end('[]');
    });
    await client.call('listDevices', { query: { selector: 'site=home,!lab' } });
    await client.call('table', { query: { device: undefined } });
    await failureOf(client.call('labelDevice', { params: { name: 'pi-a' }, body: { set: { floor: '1' } } }));
    expect(seen).toEqual([
      'GET /v1/devices?selector=site%3Dhome%2C%21lab Bearer sk_test ',
      'GET /v1/table Bearer sk_test ',
      'PATCH /v1/devices/pi-a/labels Bearer sk_test {"set":{"floor":"1"}}',
    ]);
  });

  test('a problem of the server keeps its code, its words and its fields', async () => {
    const client = await answering(422, {
      ...{ type: 'about:blank', title: 'Refused', status: 422, code: 'unprocessable', detail: 'no device matches' },
      problems: [{ field: 'to', message: 'site=moon matches nobody' }],
    });
    const failure = await failureOf(client.call('listModels', {}));
    expect(failure).toMatchObject({ code: 'unprocessable', message: 'no device matches' });
    expect(failure.problems).toEqual([{ field: 'to', message: 'site=moon matches nobody' }]);
  });

  test('an answer of somebody else, such as a proxy, is told by its status', async () => {
    const client = await answering(503, '<h1>Bad gateway</h1>', 'text/html');
    expect(await failureOf(client.call('listModels', {}))).toMatchObject({ code: 'unavailable' });
  });

  test('an answer that does not fit its schema is a fault that names the field', async () => {
    const client = await answering(200, [{ name: 'NOT A NAME' }]);
    const failure = await failureOf(client.call('listDevices', {}));
    expect(failure.code).toBe('internal');
    expect(failure.problems.map(({ field }) => field)).toContain('0.name');
  });

  test('where nobody listens it says so and what to do', async () => {
    const client = await answering(200, []);
    server?.close();
    server?.closeAllConnections();
    const failure = await failureOf(client.call('listDevices', {}));
    expect(failure.code).toBe('unavailable');
    expect(failure.message).toMatch(/no Stillhouse server answers at http:\/\/127\.0\.0\.1:\d+: nothing listens there/);
    expect(failure.problems[0]?.message).toContain('still serve');
  });
});

describe('upload', () => {
  test('streams with the length said beforehand', async () => {
    const seen: { headers: IncomingMessage['headers']; bytes: number }[] = [];
    const client = await clientOf(async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      seen.push({ headers: request.headers, bytes });
      response.writeHead(201).end('{}');
    });
    async function* content() {
      for (let i = 0; i < 3; i++) yield new Uint8Array(100_000);
    }
    await client.upload({ sha256: 'a'.repeat(64), sizeBytes: 300_000, content: content() });
    expect(seen[0]?.bytes).toBe(300_000);
    expect(seen[0]?.headers['content-length']).toBe('300000');
  });

  test('a refusal is told although not everything was sent', async () => {
    const detail = 'the bytes have another digest';
    const client = await clientOf((_, response) => {
      const problem = { type: 'about:blank', title: 'Refused', status: 422, code: 'unprocessable', detail };
      response.writeHead(422, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    async function* content() {
      yield new Uint8Array(10);
    }
    const upload = client.upload({ sha256: 'a'.repeat(64), sizeBytes: 10, content: content() });
    expect(await failureOf(upload)).toMatchObject({ code: 'unprocessable', message: detail });
  });
});

test('path parameters are escaped', () => {
  expect(fillPath('/v1/devices/:name/labels', { name: 'a/../b' })).toBe('/v1/devices/a%2F..%2Fb/labels');
});
