// A server small enough to misbehave on request: a real broker and a real HTTP server that hold no opinion. It offers
// what a test gives it, acknowledges reports, and remembers everything that an agent says.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Aedes, type AedesPublishPacket } from 'aedes';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import { newId } from '../../shared/ids.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { decode, encode, type Hello, type Report, type UpMessage, upSchemas } from '../../shared/messages.ts';
import { type DownKind, downTopic, parseTopic, UP_WILDCARD, type UpKind } from '../../shared/topics.ts';

export const makeId = (prefix: Parameters<typeof newId>[0]) =>
  newId(prefix, Date.now(), (count) => crypto.getRandomValues(new Uint8Array(count)));

export type ArtifactFault = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean;

export interface Heard {
  readonly kind: UpKind;
  readonly message: UpMessage;
}

export class LittleServer {
  readonly deviceId = makeId('dev');
  readonly credential = `sd_${this.deviceId}_secret`;
  readonly token = 'tok-good';
  readonly heard: Heard[] = [];
  readonly pictures = new Map<string, Buffer>();
  readonly artifacts = new Map<string, Buffer>();
  readonly manifests = new Map<string, string>();
  readonly artifactRequests: { sha256: string; range: string | undefined }[] = [];
  /** Answers in the server's place when it returns true. */
  artifactFault: ArtifactFault = () => false;
  acknowledges = true;
  isRevoked = false;
  url = '';
  mqttUrl = '';
  private readonly sockets = new Set<Socket>();
  private readonly http = createHttpServer((request, response) => void this.answer(request, response));
  private tcp: Server | null = null;
  private broker: Aedes | null = null;
  private readonly tasks: Promise<unknown>[] = [];

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
    await this.startBroker(0);
    return this;
  }

  async startBroker(port: number): Promise<void> {
    const broker = await Aedes.createBroker();
    this.broker = broker;
    broker.authenticate = (client, username, password, done) => {
      const isKnown = username === this.deviceId && client.id === this.deviceId && String(password) === 'secret';
      if (isKnown && !this.isRevoked) return done(null, true);
      done(Object.assign(new Error('not authorized'), { returnCode: 5 }) as never, false);
    };
    await broker.subscribe(
      UP_WILDCARD,
      (packet, done) => this.hear(packet, done),
      () => {},
    );
    this.tcp = createTcpServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
      socket.setNoDelay(true);
      broker.handle(socket);
    });
    await new Promise<void>((resolve) => this.tcp?.listen(port, '127.0.0.1', resolve));
    this.mqttUrl = `mqtt://127.0.0.1:${(this.tcp.address() as AddressInfo).port}`;
  }

  get mqttPort(): number {
    return Number(new URL(this.mqttUrl).port);
  }

  /** Breaks every MQTT connection without a word. */
  cutConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stopBroker(): Promise<void> {
    this.cutConnections();
    await new Promise<void>((resolve) => (this.tcp ? this.tcp.close(() => resolve()) : resolve()));
    await new Promise<void>((resolve) => (this.broker ? this.broker.close(() => resolve()) : resolve()));
  }

  async stop(): Promise<void> {
    await this.stopBroker();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
    await Promise.all(this.tasks);
  }

  /** Offers a version from a folder; the change makes another one of it. */
  publish(folder: string, change: (manifest: Manifest) => Manifest = (same) => same) {
    const manifest = change(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest);
    for (const { path, sha256 } of manifest.artifacts) this.artifacts.set(sha256, readFileSync(join(folder, path)));
    const text = canonicalJson(manifest);
    const versionDigest = createHash('sha256').update(text).digest('hex');
    this.manifests.set(versionDigest, text);
    return { manifest, versionDigest };
  }

  /** A wish for a version, as it stands in a desired state. */
  wish({ manifest, versionDigest }: { manifest: Manifest; versionDigest: string }): DesiredModel {
    const { model, version, variants } = manifest;
    const variant = variants[0]?.name ?? '';
    return { installationId: makeId('ins'), model, version, versionDigest, variant, role: 'current', probe: 'probe' };
  }

  send(kind: DownKind, message: unknown): void {
    this.sendRaw(kind, Buffer.from(encode(message)));
  }

  sendRaw(kind: DownKind, payload: Buffer): void {
    const topic = downTopic(this.deviceId, kind);
    this.broker?.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
  }

  desire(generation: number, models: readonly DesiredModel[]): void {
    this.send('desired', { sentAtMs: Date.now(), desired: { generation, models } });
  }

  command(body: object, options: { commandId?: string; deadlineMs?: number } = {}): string {
    const { commandId = makeId('pic'), deadlineMs = 60_000 } = options;
    const sentAtMs = Date.now();
    this.send('command', { commandId, sentAtMs, deadlineMs: sentAtMs + deadlineMs, body });
    return commandId;
  }

  /** Each report once, in the order of their numbers. */
  reports(): Report[] {
    const bySeq = new Map(
      this.heard
        .filter(({ kind }) => kind === 'report')
        .map(({ message }) => [(message as Report).seq, message as Report]),
    );
    return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
  }

  hellos(): Hello[] {
    return this.heard.filter(({ kind }) => kind === 'hello').map(({ message }) => message as Hello);
  }

  /** The states that one installation was reported in, with what ended it. */
  walk(installationId: string): string[] {
    return this.reports().flatMap(({ body }) =>
      body.kind === 'installation' && body.installationId === installationId
        ? [body.reason ? `${body.to} ${body.reason.code}` : body.to]
        : [],
    );
  }

  job(jobId: string) {
    return this.reports().flatMap(({ body }) => (body.kind === 'job' && body.jobId === jobId ? [body] : []));
  }

  private hear(packet: AedesPublishPacket, done: () => void): void {
    const topic = parseTopic(packet.topic);
    if (topic?.direction === 'up') {
      const decoded = decode(upSchemas[topic.kind], Buffer.from(packet.payload));
      if (decoded.kind === 'malformed') throw new Error(`an agent sent a malformed ${topic.kind}: ${decoded.why}`);
      this.heard.push({ kind: topic.kind, message: decoded.message as UpMessage });
      if (topic.kind === 'report' && this.acknowledges)
        this.send('ack', { upTo: (decoded.message as Report).seq, serverTimeMs: Date.now() });
    }
    done();
  }

  private async answer(request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [, , noun = '', id = ''] = (request.url ?? '').split('/');
    if (noun === 'enrol') return this.enrol(JSON.parse(Buffer.concat(chunks).toString()), response);
    if (request.headers.authorization !== `Bearer ${this.credential}`)
      return problem(response, 401, 'unauthenticated', 'who are you');
    if (noun === 'manifests') return sendText(response, this.manifests.get(id));
    if (noun === 'artifacts') return this.artifact(id, request, response);
    if (noun === 'pictures') {
      this.pictures.set(id, Buffer.concat(chunks));
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    problem(response, 404, 'not_found', `no ${request.url}`);
  }

  private enrol(body: { token: string }, response: ServerResponse) {
    if (body.token !== this.token)
      return problem(response, 401, 'unauthenticated', 'the token is not known or used up');
    const answer = {
      deviceId: this.deviceId,
      credential: this.credential,
      mqtt: { port: this.mqttPort, url: null },
      serverTimeMs: Date.now(),
    };
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  private artifact(sha256: string, request: IncomingMessage, response: ServerResponse) {
    const bytes = this.artifacts.get(sha256);
    const { range } = request.headers;
    this.artifactRequests.push({ sha256, range });
    if (!bytes) return problem(response, 404, 'not_found', `no artifact ${sha256}`);
    if (this.artifactFault(request, response, bytes)) return;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length - start,
      ...(start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.end(bytes.subarray(start));
  }
}

function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', title: code, status, code, detail }));
}

function sendText(response: ServerResponse, text: string | undefined) {
  if (text === undefined) return problem(response, 404, 'not_found', 'no such manifest');
  response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}
