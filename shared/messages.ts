// Every MQTT message, one schema a kind. Payloads are UTF-8 JSON; unknown fields are kept, so either end may be newer.
import { z } from 'zod';
import { BenchComparison, BenchMode, BenchResult } from './bench.ts';
import { DesiredState } from './desired-state.ts';
import { BenchSettings, Fit } from './fit.ts';
import { Id, ModelName, Sha256, VersionNumber } from './ids.ts';
import { InstallationReason, InstallationState } from './installation.ts';
import { Inventory } from './inventory.ts';
import { JobReason, JobState } from './job.ts';
import { limits } from './limits.ts';
import { promptNoticeFields } from './prompt-cut.ts';
import type { UpKind } from './topics.ts';

const UtcMs = z.int().min(0);

/** A version that the device can run right now. */
export const RunningModel = z.looseObject({
  installationId: Id,
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  variant: z.string(),
  role: z.enum(['current', 'shadow']),
  /** Its engine ended by itself or hung so often that it is left alone for a while. */
  quarantine: z.looseObject({ untilMs: UtcMs, crashes: z.int().min(1), message: z.string().max(500) }).optional(),
});
export type RunningModel = z.infer<typeof RunningModel>;

/** First message of every connection. `bootId` is new at every start of the agent. */
export const Hello = z.looseObject({
  bootId: z.string().min(1).max(64),
  agentVersion: z.string().max(50),
  /** The newest desired generation that the agent has stored; -1 before the first. */
  generation: z.int().min(-1),
  running: z.array(RunningModel).max(limits.modelsPerDevice * 2),
  /** Where each installation of the present generation stands. */
  installations: z
    .array(z.looseObject({ installationId: Id, state: InstallationState, reason: InstallationReason.optional() }))
    .max(limits.modelsPerDevice * 4),
  /** Jobs that the agent still holds. */
  jobs: z.array(z.looseObject({ jobId: Id, state: JobState })).max(limits.jobsPerDevice * 2),
  inventory: Inventory,
  atMs: UtcMs,
});
export type Hello = z.infer<typeof Hello>;

/** What a request showed of a version that runs beside the current one. */
export const ShadowComparison = z.looseObject({
  /** The shadow's. */
  installationId: Id,
  /** The version whose picture was returned. */
  against: z.looseObject({ version: VersionNumber, versionDigest: Sha256, variant: z.string().max(63) }),
  /** Of the picture that was returned, and of the shadow's: same prompt, seed and settings. */
  latencyMs: z.tuple([z.number().min(0), z.number().min(0)]),
  /** Between the two pictures, in levels of 0–255; null where their sizes differ. */
  meanAbsoluteDifference: z.number().min(0).max(255).nullable(),
  /** Share of the evaluator's heads that see the same in both, 0–1; null without an evaluator for this size. */
  sameLabels: z.number().min(0).max(1).nullable(),
  /** Share of the expected parts in each; null for a prompt that is not in the evaluation set. */
  adherence: z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]).nullable(),
});
export type ShadowComparison = z.infer<typeof ShadowComparison>;

/** What a report says. Each is stored by the agent before it is sent, and sent until the server acknowledges it. */
export const ReportBody = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('installation'),
    installationId: Id,
    from: InstallationState,
    to: InstallationState,
    reason: InstallationReason.optional(),
  }),
  /** The bench that ended a probe. */
  z.looseObject({ kind: z.literal('probe'), installationId: Id, result: BenchResult }),
  /** What the device can run after the last change. */
  z.looseObject({ kind: z.literal('running'), running: z.array(RunningModel).max(limits.modelsPerDevice * 2) }),
  /** A version that runs beside the current one answered the same request. */
  z.looseObject({ kind: z.literal('shadow'), ...ShadowComparison.shape }),
  z.looseObject({
    kind: z.literal('job'),
    jobId: Id,
    to: JobState,
    reason: JobReason.optional(),
    /** With SUCCEEDED of a bench. */
    bench: BenchResult.optional(),
    /** With SUCCEEDED of a bench that compares two versions. */
    comparison: BenchComparison.optional(),
    /** With SUCCEEDED of a picture; the PNG itself went by HTTP before. */
    picture: z
      .looseObject({
        sha256: Sha256,
        sizeBytes: z.int().min(0),
        latencyMs: z.number().min(0),
        stagesMs: z.record(z.string(), z.number()),
        versionDigest: Sha256,
        variant: z.string(),
        seed: z.int().min(0).max(0xffffffff),
        steps: z.int().min(1),
        width: z.int().min(1),
        height: z.int().min(1),
        /** Peak of the engine process, where it had made nothing larger before. */
        peakRssBytes: z.int().min(0).optional(),
        ...promptNoticeFields,
        /** Made for the same request before; the latency is that of then. */
        cached: z.boolean().optional(),
        /** Decoded in tiles. */
        tiled: z.boolean().optional(),
        /** Text encodings that were remembered instead of computed. */
        embeddingsReused: z.int().min(0).optional(),
      })
      .optional(),
  }),
]);
export type ReportBody = z.infer<typeof ReportBody>;

export const Report = z.looseObject({
  /** Grows by one a report for the life of the agent's data folder. */
  seq: z.int().min(1),
  /** The data folder's own mark: another one counts anew. Agents before 0.2 do not say it. */
  outboxId: z.string().max(64).optional(),
  atMs: UtcMs,
  body: ReportBody,
});
export type Report = z.infer<typeof Report>;

/** Best effort: may be dropped. */
export const Progress = z.looseObject({
  atMs: UtcMs,
  of: z.discriminatedUnion('kind', [
    z.looseObject({
      kind: z.literal('job'),
      jobId: Id,
      stage: z.string().max(40),
      done: z.number().min(0),
      total: z.number().min(0),
      /** A small PNG in base64, where the request asked for previews. */
      preview: z.base64().max(limits.previewCharacters).optional(),
    }),
    z.looseObject({
      kind: z.literal('installation'),
      installationId: Id,
      stage: z.string().max(40),
      done: z.number().min(0),
      total: z.number().min(0),
    }),
  ]),
});
export type Progress = z.infer<typeof Progress>;

export const TelemetrySample = z.looseObject({
  atMs: UtcMs,
  agentRssBytes: z.int().min(0),
  engineRssBytes: z.int().min(0),
  memoryAvailableBytes: z.int().min(0),
  diskFreeBytes: z.int().min(0),
  /** 1-minute load average. */
  load1: z.number().min(0),
  temperatureCelsius: z.number().nullable(),
  /** Firmware's throttling flags (vcgencmd get_throttled), null where there are none. */
  throttledFlags: z.int().min(0).nullable(),
});
export type TelemetrySample = z.infer<typeof TelemetrySample>;

export const Telemetry = z.looseObject({
  samples: z.array(TelemetrySample).min(1).max(limits.telemetrySamplesPerMessage),
});
export type Telemetry = z.infer<typeof Telemetry>;

/** The last will; also published by the agent itself at an orderly end (`reason: "shutdown"`). */
export const Offline = z.looseObject({ bootId: z.string().max(64), reason: z.enum(['lost', 'shutdown']) });
export type Offline = z.infer<typeof Offline>;

export const Desired = z.looseObject({ sentAtMs: UtcMs, desired: DesiredState });
export type Desired = z.infer<typeof Desired>;

export const PicturePriority = z.enum(['low', 'normal', 'high']);
export type PicturePriority = z.infer<typeof PicturePriority>;

export const PictureRequest = z.looseObject({
  /** Empty, too: what the model paints of itself. */
  prompt: z.string().max(limits.promptCharacters),
  seed: z.int().min(0).max(0xffffffff),
  /** Left out: the variant's own default. */
  steps: z.int().min(1).max(limits.steps).optional(),
  guidanceScale: z.number().min(0).max(100).optional(),
  width: z.int().min(1).max(limits.pictureSidePixels).optional(),
  height: z.int().min(1).max(limits.pictureSidePixels).optional(),
  /** Left out: the folder's own. */
  scheduler: z.string().min(1).max(64).optional(),
  negativePrompt: z.string().max(limits.promptCharacters).optional(),
  /** Decode in tiles, as diffusers' `enable_tiling`; a device also does so where the whole would not fit its memory. */
  tiled: z.boolean().optional(),
  /** A PNG to begin from, of the size that the picture shall have; the device fetches it from the server. */
  image: z.looseObject({ sha256: Sha256, sizeBytes: z.int().min(1).max(limits.beginningBytes) }).optional(),
  /** A PNG of that size: what is white in it is painted anew, what is black stays; fetched likewise. */
  mask: z.looseObject({ sha256: Sha256, sizeBytes: z.int().min(1).max(limits.maskBytes) }).optional(),
  /** How far to go away from it; left out: what the pipeline's reference takes. */
  strength: z.number().gt(0).max(1).optional(),
  /** Left out: the device's only or first current model. */
  model: ModelName.optional(),
  version: VersionNumber.optional(),
  /** Refused unless the device runs this variant of it. */
  variant: z.string().min(1).max(63).optional(),
  /** Among the pictures that wait on the device; `normal` unless said otherwise. */
  priority: PicturePriority.optional(),
  /** The device may answer with a picture that it made for the same request before. */
  allowCached: z.boolean().optional(),
  /** Send small pictures of what it looks like on the way. */
  previews: z.boolean().optional(),
  /** Why the server chose these settings, where the request left that to it. */
  fit: Fit.optional(),
  /** Who asked, set by the server: requesters take turns. */
  requestedBy: z.string().max(200).optional(),
});
export type PictureRequest = z.infer<typeof PictureRequest>;

const BenchedVersion = z.looseObject({ model: ModelName, version: VersionNumber, versionDigest: Sha256 });

export const BenchRequest = z.looseObject({
  mode: BenchMode,
  ...BenchedVersion.shape,
  /** Measure this one in turn with it, and say which is faster. */
  against: BenchedVersion.optional(),
  /** In place of the variant's own. */
  settings: BenchSettings.optional(),
  fit: Fit.optional(),
});
export type BenchRequest = z.infer<typeof BenchRequest>;

export const Command = z.looseObject({
  /** The job's id, or for `cancel` and `inventory` the id of the request itself. A repeated id changes nothing. */
  commandId: Id,
  sentAtMs: UtcMs,
  /** The server's UTC time after which the device must refuse it with `expired`. */
  deadlineMs: UtcMs,
  body: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('picture'), request: PictureRequest }),
    z.looseObject({ kind: z.literal('bench'), request: BenchRequest }),
    z.looseObject({ kind: z.literal('cancel'), jobId: Id }),
  ]),
});
export type Command = z.infer<typeof Command>;

/** The server has stored every report up to and including `upTo`. */
export const Ack = z.looseObject({
  upTo: z.int().min(0),
  /** Of the reports that it is about. */
  outboxId: z.string().max(64).optional(),
  serverTimeMs: UtcMs,
});
export type Ack = z.infer<typeof Ack>;

export const upSchemas = {
  hello: Hello,
  report: Report,
  progress: Progress,
  telemetry: Telemetry,
  offline: Offline,
} as const satisfies Record<UpKind, z.ZodType>;
export type UpMessage<K extends UpKind = UpKind> = z.infer<(typeof upSchemas)[K]>;

export type Decoded<T> =
  | { readonly kind: 'message'; readonly message: T }
  | { readonly kind: 'malformed'; readonly why: string; readonly firstBytes: string };

/** The one decoder: bytes → message, or why not. Never throws. */
export function decode<S extends z.ZodType>(schema: S, payload: Uint8Array): Decoded<z.infer<S>> {
  const malformed = (why: string) => ({
    kind: 'malformed' as const,
    why,
    firstBytes: printable(payload.subarray(0, 64)),
  });
  if (payload.length > limits.mqttMessageBytes)
    return malformed(`${payload.length} bytes, the limit is ${limits.mqttMessageBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    return malformed(error instanceof Error ? error.message : 'not JSON');
  }
  const parsed = schema.safeParse(value);
  return parsed.success
    ? { kind: 'message', message: parsed.data }
    : malformed(z.prettifyError(parsed.error).slice(0, 500));
}

export function encode(message: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

function printable(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  return text;
}
