// A version's folder → the server: check everything here first, then send only what is missing. Doing it again is a
// no-op.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StillError } from '../../shared/errors.ts';
import type { AnswerOf } from '../../shared/http-api.ts';
import { type Artifact, Manifest, manifestFaults } from '../../shared/manifest.ts';
import type { Client } from './client.ts';

export type Published = AnswerOf<'publishVersion'> & {
  readonly uploadedBytes: number;
  readonly skippedBytes: number;
};

/** Called as bytes are hashed (`checking`) and sent (`uploading`). */
export type PublishProgress = (stage: 'checking' | 'uploading', doneBytes: number, totalBytes: number) => void;

/** A manifest, and where each file that it names stands. */
export interface VersionFiles {
  readonly manifest: Manifest;
  readonly fileOf: (path: string) => string;
}

/** @throws StillError where the folder does not hold what its manifest says, before anything is sent */
export async function publishFolder(client: Client, folder: string, progress: PublishProgress): Promise<Published> {
  const manifest = await readManifest(folder);
  await checkFiles(folder, manifest.artifacts, progress);
  return publishVersion(client, { manifest, fileOf: (path) => join(folder, path) }, progress);
}

/** Sends what the server lacks, then the manifest. */
export async function publishVersion(
  client: Client,
  { manifest, fileOf }: VersionFiles,
  progress: PublishProgress,
): Promise<Published> {
  const files = uniqueByDigest(manifest.artifacts);
  const asked = files.map(({ sha256 }) => sha256);
  const missing = new Set((await client.call('missingArtifacts', { body: { sha256: asked } })).sha256);
  const wanted = files.filter(({ sha256 }) => missing.has(sha256));
  const uploadedBytes = totalBytes(wanted);
  const sent = tally('uploading', uploadedBytes, progress);
  for (const { path, sha256, sizeBytes } of wanted) {
    const content = counted(fileOf(path), sent);
    await client.upload({ sha256, sizeBytes, content });
  }
  const version = await client.call('publishVersion', { body: manifest });
  return { ...version, uploadedBytes, skippedBytes: totalBytes(files) - uploadedBytes };
}

export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, 'manifest.json');
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = cause.code === 'ENOENT' ? `there is no ${path}` : cause.message;
    throw new StillError('invalid_input', message, {
      cause,
      problems: [
        {
          message:
            'expected the folder of one version, as the toolkit writes it: manifest.json and its files; ' +
            'a pipeline folder without one needs --name and --version',
        },
      ],
    });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StillError('invalid_input', `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = Manifest.safeParse(value);
  const problems = parsed.success
    ? manifestFaults(parsed.data).map((message) => ({ message }))
    : parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new StillError('invalid_input', `${path} is not a manifest that can be published`, {
    problems: problems.slice(0, 20),
  });
}

async function checkFiles(folder: string, artifacts: readonly Artifact[], progress: PublishProgress): Promise<void> {
  const problems = [];
  const read = tally('checking', totalBytes(artifacts), progress);
  for (const artifact of artifacts) {
    const fault = await fileFault(join(folder, artifact.path), artifact, read);
    if (fault) problems.push({ field: artifact.path, message: fault });
  }
  if (problems.length === 0) return;
  throw new StillError('invalid_input', `${folder} does not hold what its manifest says; nothing was sent`, {
    problems,
  });
}

async function fileFault(
  path: string,
  { sha256, sizeBytes }: Artifact,
  read: (count: number) => void,
): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return 'the file is missing';
  if (found.size !== sizeBytes) return `the manifest says ${sizeBytes} bytes, the file has ${found.size}`;
  const hash = createHash('sha256');
  for await (const chunk of counted(path, read)) hash.update(chunk);
  const digest = hash.digest('hex');
  return digest === sha256 ? undefined : `the manifest says sha256 ${sha256}, the file has ${digest}`;
}

async function* counted(path: string, read: (count: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    read((chunk as Uint8Array).length);
    yield chunk as Uint8Array;
  }
}

/** Adds up pieces into progress. */
function tally(stage: 'checking' | 'uploading', total: number, progress: PublishProgress): (count: number) => void {
  let done = 0;
  return (count) => {
    done += count;
    progress(stage, done, total);
  };
}

function uniqueByDigest(artifacts: readonly Artifact[]): Artifact[] {
  return [...new Map(artifacts.map((artifact) => [artifact.sha256, artifact])).values()];
}

const totalBytes = (files: readonly Artifact[]): number => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
