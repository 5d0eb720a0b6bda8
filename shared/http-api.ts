// Every HTTP body and every route, once: the server validates with it, the command line calls by it, and the OpenAPI
// document is made from it. Times are UTC milliseconds unless a field's name says otherwise.
import { z } from 'zod';
import { BenchComparison, BenchMode, BenchResult } from './bench.ts';
import { BenchSettings, Fit, FitTarget } from './fit.ts';
import { GateVerdict } from './gates.ts';
import { DeviceName, Id, idLike, Labels, ModelName, Sha256, VersionNumber } from './ids.ts';
import { InstallationReason, InstallationState } from './installation.ts';
import { Inventory } from './inventory.ts';
import { JobReason, JobState } from './job.ts';
import { limits, timings } from './limits.ts';
import { Manifest } from './manifest.ts';
import { PictureRequest, TelemetrySample } from './messages.ts';
import { PromptCut } from './prompt-cut.ts';

/** RFC 9457. `problems` names each wrong field. */
export const ProblemJson = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  problems: z.array(z.looseObject({ field: z.string().optional(), message: z.string() })).optional(),
});
export type ProblemJson = z.infer<typeof ProblemJson>;

export const Scope = z.enum(['viewer', 'operator', 'admin']);
export type Scope = z.infer<typeof Scope>;

const UtcMs = z.int().min(0);
const Iso = z.iso.datetime();

// --- views ---

export const RunningView = z.looseObject({
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  variant: z.string(),
  role: z.enum(['current', 'shadow']),
  /** Its engine ended by itself or hung so often that the device leaves it alone for a while. */
  quarantine: z.looseObject({ untilMs: UtcMs, crashes: z.int(), message: z.string() }).optional(),
});

export const InstallationView = z.looseObject({
  installationId: Id,
  device: DeviceName,
  model: ModelName,
  version: VersionNumber,
  variant: z.string(),
  rolloutId: Id.nullable(),
  generation: z.int(),
  state: InstallationState,
  /** When it entered the state. */
  since: Iso,
  /** When the state runs out; null in a final state. */
  deadline: Iso.nullable(),
  reason: InstallationReason.nullable(),
});
export type InstallationView = z.infer<typeof InstallationView>;

export const DeviceView = z.looseObject({
  deviceId: Id,
  name: DeviceName,
  online: z.boolean(),
  lastSeenMs: UtcMs.nullable(),
  revoked: z.boolean(),
  deviceClass: z.string(),
  labels: Labels,
  agentVersion: z.string().nullable(),
  running: z.array(RunningView),
  /** Newest desired generation, and the newest that the device has stored. */
  desiredGeneration: z.int(),
  reportedGeneration: z.int(),
  /** The installations that have not ended, and the last one that has. */
  installations: z.array(InstallationView),
});
export type DeviceView = z.infer<typeof DeviceView>;

/** What requests that a shadow answered unseen say of it on one device. */
export const ShadowView = z.looseObject({
  device: DeviceName,
  model: ModelName,
  version: VersionNumber,
  /** The version whose pictures were returned, at the newest comparison; null before the first. */
  against: VersionNumber.nullable(),
  pairs: z.int(),
  /** Median of the shadow's latency to the other's; below 1 it is faster. The interval needs six pairs. */
  latencyRatio: z.number().nullable(),
  latencyRatioLow: z.number().nullable(),
  latencyRatioHigh: z.number().nullable(),
  /** Means: levels of 0–255 between the pictures; share of labels that the evaluator finds in both, 0–1. */
  meanAbsoluteDifference: z.number().nullable(),
  sameLabels: z.number().nullable(),
  /** Of the pairs whose prompt is in the evaluation set: expected parts found, 0–1. */
  judged: z.int(),
  adherence: z.number().nullable(),
  adherenceShadow: z.number().nullable(),
});
export type ShadowView = z.infer<typeof ShadowView>;

export const DeviceDetail = DeviceView.extend({
  shadows: z.array(ShadowView),
  inventory: Inventory.nullable(),
  telemetry: TelemetrySample.nullable(),
  enrolledAtMs: UtcMs,
});
export type DeviceDetail = z.infer<typeof DeviceDetail>;

export const VariantView = z.looseObject({
  name: z.string(),
  runtime: z.string(),
  precision: z.string(),
  parameters: z.int(),
  sizeBytes: z.int(),
});
export const VersionView = z.looseObject({
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  licence: z.string(),
  publishedAtMs: UtcMs,
  sizeBytes: z.int(),
  variants: z.array(VariantView),
});
export type VersionView = z.infer<typeof VersionView>;
export const ModelView = z.looseObject({ model: ModelName, versions: z.array(VersionView) });
export type ModelView = z.infer<typeof ModelView>;
export const VersionDetail = VersionView.extend({ manifest: Manifest });

/**
 * STOPPED: a gate ended it; ABORTED: an operator did. Both after the way back, where there is one. SUPERSEDED: another
 * rollout took its devices over.
 */
export const RolloutState = z.enum([
  'RUNNING',
  'PAUSED',
  'ROLLING_BACK',
  'SUCCEEDED',
  'STOPPED',
  'ABORTED',
  'SUPERSEDED',
]);
export type RolloutState = z.infer<typeof RolloutState>;
export const WaveState = z.enum(['PENDING', 'RUNNING', 'AWAITING_APPROVAL', 'PASSED', 'FAILED', 'CANCELED']);
export type WaveState = z.infer<typeof WaveState>;

/** How fast a rollout may go. The first two limits grow by `growth.factor` each time `growth.after` more devices succeeded. */
export const Pace = z.strictObject({
  /** Devices that may be installing at the same time. */
  maxInFlight: z.int().min(1).max(1_000_000).optional(),
  startsPerMinute: z.number().min(0.01).max(1_000_000).optional(),
  growth: z.strictObject({ factor: z.number().min(1.01).max(10), after: z.int().min(1).max(1_000_000) }).optional(),
  /** Each device of the rollout downloads it no faster than this; bytes a second. */
  downloadBytesPerSecond: z.int().min(limits.leastBytesPerSecond).optional(),
});
export type Pace = z.infer<typeof Pace>;

export const DecisionView = z.looseObject({
  atMs: UtcMs,
  /** Who decided: a key, or `the server` by a rule. */
  actor: z.string(),
  kind: z.enum([
    ...([
      'start',
      'start-wave',
      'judge',
      'judge-late',
      'hold-late',
      'measure-again',
      'retry',
      'take-in',
      'halt',
      'stop',
      'succeed',
    ] as const),
    ...(['return', 'end', 'pause', 'resume', 'approve', 'abort', 'supersede', 'promote'] as const),
  ]),
  wave: z.int().nullable(),
  explanation: z.string(),
  /** What it was decided from: verdicts, and the bench runs behind them by device. */
  evidence: z.record(z.string(), z.unknown()),
});
export type DecisionView = z.infer<typeof DecisionView>;

export const GroupView = z.looseObject({
  name: DeviceName,
  selector: z.string(),
  savedAtMs: UtcMs,
  savedBy: z.string(),
});
export type GroupView = z.infer<typeof GroupView>;

/** Why a device runs what it runs: for each model the newest way to it, told from the append-only record. */
export const DeviceWhy = z.looseObject({
  device: DeviceName,
  models: z.array(
    z.looseObject({
      model: ModelName,
      version: VersionNumber.nullable(),
      variant: z.string().nullable(),
      /** One sentence a fact, in the order in which they happened. */
      because: z.array(z.looseObject({ atMs: UtcMs, what: z.string() })),
    }),
  ),
});
export type DeviceWhy = z.infer<typeof DeviceWhy>;

export const WaveView = z.looseObject({
  index: z.int(),
  state: WaveState,
  devices: z.array(DeviceName),
  /** Devices of the wave: reached by the desired state, in contact with it, ended well, ended badly. */
  attempted: z.int(),
  contacted: z.int(),
  committed: z.int(),
  failed: z.int(),
  total: z.int(),
  /** Devices that another rollout took before they began. */
  taken: z.array(z.looseObject({ device: DeviceName, by: Id })).default([]),
  gates: z.array(GateVerdict),
});
export type WaveView = z.infer<typeof WaveView>;
export const RolloutView = z.looseObject({
  rolloutId: Id,
  model: ModelName,
  version: VersionNumber,
  versionDigest: Sha256,
  selector: z.string(),
  gates: z.array(z.string()),
  state: RolloutState,
  startedAtMs: UtcMs,
  endedAtMs: UtcMs.nullable(),
  startedBy: z.string(),
  confidence: z.number(),
  pace: Pace,
  retries: z.int(),
  priority: z.int(),
  dynamicUntilMs: UtcMs.nullable(),
  /** Since when a rollout whose waves have passed takes no further device, and why; null while it does. */
  lateHold: z.looseObject({ sinceMs: UtcMs, because: z.string() }).nullable().default(null),
  /** `shadow`: its version runs beside the current one until it is promoted. */
  role: z.enum(['current', 'shadow']),
  shadows: z.array(ShadowView),
  /** For compare-and-set: `?expect=` takes it, or a state. Who changed it last, to what, and when. */
  revision: z.int(),
  changedBy: z.string(),
  changedWhat: z.string(),
  changedAtMs: UtcMs,
  /** In words: what happened and why it stands where it stands. */
  explanation: z.string(),
  waves: z.array(WaveView),
  installations: z.array(InstallationView),
});
export type RolloutView = z.infer<typeof RolloutView>;

const JobFields = {
  device: DeviceName,
  state: JobState,
  reason: JobReason.nullable(),
  requestedAtMs: UtcMs,
  deadlineMs: UtcMs,
  endedAtMs: UtcMs.nullable(),
  /** Last progress heard of, for jobs under way. */
  progress: z
    .looseObject({
      stage: z.string(),
      done: z.number(),
      total: z.number(),
      /** A small PNG in base64 of what it looks like now, where previews were asked for. */
      preview: z.string().optional(),
    })
    .nullable(),
};
/**
 * Pictures of a version on a device, of the size and steps that it was measured with: as the server saw them, with line,
 * network and transfer, and by the device's own clock.
 */
export const SeenPictures = z.looseObject({
  count: z.int().min(1),
  seenMsP50: z.number().min(0),
  onDeviceMsP50: z.number().min(0),
});

export const BenchRunView = z.looseObject({
  benchRunId: Id,
  ...JobFields,
  deviceClass: z.string(),
  model: ModelName,
  version: VersionNumber,
  mode: BenchMode,
  result: BenchResult.nullable(),
  /** The other version of a comparison, and how it ended. */
  against: z.looseObject({ model: ModelName, version: VersionNumber }).nullable(),
  comparison: BenchComparison.nullable(),
  /** Other than the variant's own; such a run counts for no gate and stands in no table. */
  settings: BenchSettings.optional(),
  fit: Fit.optional(),
  /** From the request until its result was here, as the server saw it, and how long the device worked on it. */
  seenByServer: z.looseObject({ seenMs: z.number().min(0), onDeviceMs: z.number().min(0) }).nullable(),
  /** Of the version benched; null where the device made none like it that the server asked for. */
  pictures: SeenPictures.nullable(),
});
export type BenchRunView = z.infer<typeof BenchRunView>;

export const PictureView = z.looseObject({
  pictureId: Id,
  ...JobFields,
  request: PictureRequest,
  /** Devices that it was taken from, oldest first: those of a selector that were lost. */
  handOvers: z.array(z.looseObject({ device: DeviceName, atMs: UtcMs, because: z.string() })).default([]),
  result: z
    .looseObject({
      sha256: Sha256,
      sizeBytes: z.int(),
      latencyMs: z.number(),
      model: ModelName,
      version: VersionNumber,
      variant: z.string(),
      seed: z.int(),
      steps: z.int(),
      width: z.int(),
      height: z.int(),
      /** Milliseconds of each stage. */
      stagesMs: z.record(z.string(), z.number()),
      unknownWords: z.array(z.string()),
      promptCuts: z.array(PromptCut),
      /** Weights in brackets, which were read as letters. */
      literalWeights: z.array(z.string()),
      /** Where a negative prompt was given and not read: the guidance up to which that is so. */
      negativeUnreadUpTo: z.number().optional(),
    })
    .nullable(),
});
export type PictureView = z.infer<typeof PictureView>;

/** One line of the seed table: the newest bench of one version on one device. */
export const TableRow = z.looseObject({
  device: DeviceName,
  deviceClass: z.string(),
  model: ModelName,
  version: VersionNumber,
  variant: z.string(),
  parameters: z.int(),
  latencyMsP50: z.number(),
  latencyMsP90: z.number().nullable(),
  /** Of pictures that the server asked for: null where there was none yet. */
  pictures: SeenPictures.nullable(),
  peakRssBytes: z.int(),
  /** 0–5, null where the version has no evaluator. */
  quality: z.number().nullable(),
  samples: z.int(),
  disturbed: z.boolean(),
  measuredAtMs: UtcMs,
});
export type TableRow = z.infer<typeof TableRow>;

export const TokenView = z.looseObject({
  tokenId: Id,
  usesLeft: z.int(),
  expiresAtMs: UtcMs,
  labels: Labels,
  createdAtMs: UtcMs,
});
export const KeyView = z.looseObject({
  keyId: Id,
  name: z.string(),
  scope: Scope,
  createdAtMs: UtcMs,
  revoked: z.boolean(),
});
export const AuditRow = z.looseObject({
  sequence: z.int(),
  atMs: UtcMs,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: Sha256,
});

/** What server-sent events carry; `event:` is the kind, `data:` this object. */
export const EventView = z.looseObject({
  atMs: UtcMs,
  kind: z.enum(['device', 'installation', 'rollout', 'bench', 'picture', 'progress', 'version']),
  /** Id or name of what changed. */
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type EventView = z.infer<typeof EventView>;

// --- bodies ---

export const EnrolBody = z.looseObject({
  token: z.string().min(1).max(200),
  name: DeviceName,
  labels: Labels.optional(),
  inventory: Inventory,
});
export const EnrolAnswer = z.looseObject({
  deviceId: Id,
  /** `sd_<device id>_<secret>`: bearer token for HTTP; its secret part is the MQTT password, the device id the user name. */
  credential: z.string(),
  /** Where MQTT is: a port, or a whole URL when the broker is another host. The agent fills in the host it used. */
  mqtt: z.looseObject({ port: z.int().min(1).max(65535), url: z.string().nullable() }),
  serverTimeMs: UtcMs,
});
export const CreateTokenBody = z.strictObject({
  uses: z.int().min(1).max(100_000).default(1),
  expiresInMs: z
    .int()
    .min(1000)
    .max(365 * 24 * 3600_000)
    .default(3600_000),
  labels: Labels.default({}),
});
export const CreatedToken = TokenView.extend({ token: z.string() });
export const CreateKeyBody = z.strictObject({ name: z.string().min(1).max(100), scope: Scope });
export const CreatedKey = KeyView.extend({ key: z.string() });
export const LabelBody = z.strictObject({
  set: Labels.default({}),
  remove: z.array(z.string()).max(limits.labelsPerDevice).default([]),
});
export const MissingArtifactsBody = z.strictObject({ sha256: z.array(Sha256).max(limits.artifactsPerVersion) });
export const StartRolloutBody = z.strictObject({
  model: ModelName,
  version: VersionNumber,
  /** A selector as targets.ts reads it. */
  to: z.string().min(1).max(2000),
  /** Cumulative sizes: counts or percentages, ascending, such as ["1", "25%", "100%"]. The last must reach everybody. */
  waves: z.array(z.string().max(20)).min(1).max(100).default(['100%']),
  gates: z.array(z.string().max(200)).max(20).default([]),
  /** Name of the variant for every device; left out: chosen per device. */
  variant: z.string().max(63).optional(),
  /** What a failed gate does. */
  onFailure: z.enum(['roll-back', 'pause']).default('roll-back'),
  /** Whether each wave waits for `approve` after its gates passed. */
  approval: z.enum(['gate', 'manual']).default('gate'),
  /** How long one wave may take before it counts as failed. */
  waveDeadlineMs: z
    .int()
    .min(1000)
    .max(30 * 24 * 3600_000)
    .default(24 * 3600_000),
  /** Of the gates' intervals. */
  confidence: z.number().min(0.5).max(0.999).default(0.95),
  pace: Pace.default({}),
  /** How often a device that failed for a reason that may pass tries again. */
  retries: z.int().min(0).max(10).default(0),
  /** A rollout takes devices over from open ones of lower priority. */
  priority: z.int().min(-1000).max(1000).default(0),
  /** Ends the open rollouts over these devices, whatever their priority. */
  supersede: z.boolean().default(false),
  /** For so long it also takes devices that come to match. Left out: the devices are frozen at the start. */
  dynamicForMs: z
    .int()
    .min(1000)
    .max(365 * 24 * 3600_000)
    .optional(),
  /** It runs beside the current version, answers the same requests unseen, and is compared. */
  shadow: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});
export const SaveGroupBody = z.strictObject({ selector: z.string().min(1).max(2000) });
export const RolloutPlan = z.looseObject({
  model: ModelName,
  version: VersionNumber,
  /** Open rollouts that hold some of these devices, and whether this one would take them over. */
  conflicts: z.array(z.looseObject({ rolloutId: Id, message: z.string(), takenOver: z.boolean() })),
  devices: z.array(
    z.looseObject({
      device: DeviceName,
      deviceClass: z.string(),
      wave: z.int(),
      variant: z.string().nullable(),
      why: z.string(),
      bytes: z.int(),
      predictedPeakBytes: z.int().nullable(),
      memoryBytes: z.int().nullable(),
    }),
  ),
});
export const AbortRolloutBody = z.strictObject({ rollBack: z.boolean().default(true) });
export const RequestBenchBody = z.strictObject({
  device: DeviceName,
  model: ModelName,
  version: VersionNumber,
  mode: BenchMode.default('quick'),
  /** Compare with this version, picture by picture in turn. */
  against: z.strictObject({ model: ModelName, version: VersionNumber }).optional(),
  /** In place of the variant's own; not for a comparison. */
  settings: BenchSettings.optional(),
  /** Choose the largest size and the most steps that meet it. */
  fit: FitTarget.optional(),
  timeoutMs: z.int().min(timings.leastJobMs).max(timings.mostJobMs).optional(),
});
export const RequestPictureBody = z.strictObject({
  /** A device's name, or a selector: then the device expected to finish first. */
  device: z.string().min(1).max(2000),
  ...PictureRequest.omit({ seed: true, requestedBy: true, fit: true, image: true, mask: true }).shape,
  /** Choose the largest size and the most steps that meet it, by what that device measured. */
  fit: FitTarget.optional(),
  /** A PNG in base64 to begin from; without width and height the picture takes its size. */
  image: z
    .base64()
    .min(1)
    .max(Math.ceil(limits.beginningBytes / 3) * 4)
    .optional(),
  /** A PNG in base64, of the image's size: what is white in it is painted anew. */
  mask: z
    .base64()
    .min(1)
    .max(Math.ceil(limits.maskBytes / 3) * 4)
    .optional(),
  /** Left out: chosen at random and told. */
  seed: z.int().min(0).max(0xffffffff).optional(),
  timeoutMs: z.int().min(timings.leastJobMs).max(timings.mostJobMs).optional(),
});
export const Health = z.looseObject({
  status: z.enum(['ok', 'starting', 'stopping', 'failing']),
  checks: z.record(z.string(), z.string()),
});

// --- routes ---

type Method = 'get' | 'put' | 'post' | 'patch' | 'delete';
/** `public`: no key. `device`: a device's own credential. Otherwise the least scope of a key. */
export type Access = 'public' | 'device' | Scope;

export interface Route {
  readonly method: Method;
  /** Express notation: `/v1/devices/:name`. */
  readonly path: string;
  readonly access: Access | readonly Access[];
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType | 'bytes';
  /** A schema for JSON, or the media type of anything else. */
  readonly answer: z.ZodType | { readonly mediaType: string };
  readonly status: number;
}

const name = z.object({ name: DeviceName });
const ref = z.object({ model: ModelName, version: VersionNumber });
const prefixes = { keyId: 'key', rolloutId: 'rol', benchRunId: 'brn', pictureId: 'pic' } as const;
const byId = <K extends keyof typeof prefixes>(key: K) =>
  z.object({ [key]: idLike(prefixes[key]) } as Record<K, typeof Id>);
const bySha = z.object({ sha256: Sha256 });
/** The revision or the state in which the caller believes the rollout to be. */
const steer = z.object({ expect: z.string().max(40).optional() });
const none = z.looseObject({});
const page = z.object({ limit: z.coerce.number().int().min(1).max(limits.pageRows).default(100) });
const bytes = { mediaType: 'application/octet-stream' } as const;

// biome-ignore format: one route a line is the table that people read
export const routes = {
  health: { method: 'get', path: '/healthz', access: 'public', summary: 'Is the process alive', answer: Health, status: 200 },
  ready: { method: 'get', path: '/readyz', access: 'public', summary: 'Can it serve', answer: Health, status: 200 },
  openapi: { method: 'get', path: '/openapi.json', access: 'public', summary: 'This document', answer: none, status: 200 },
  events: {
    method: 'get',
    path: '/v1/events',
    access: 'viewer',
    summary: 'What changes, as server-sent events',
    answer: { mediaType: 'text/event-stream' },
    status: 200,
  },

  enrol: { method: 'post', path: '/v1/enrol', access: 'public', summary: 'A device trades a token for its credential', body: EnrolBody, answer: EnrolAnswer, status: 201 },
  createToken: { method: 'post', path: '/v1/tokens', access: 'admin', summary: 'Create an enrolment token', body: CreateTokenBody, answer: CreatedToken, status: 201 },
  listTokens: { method: 'get', path: '/v1/tokens', access: 'admin', summary: 'Enrolment tokens', answer: z.array(TokenView), status: 200 },
  createKey: { method: 'post', path: '/v1/keys', access: 'admin', summary: 'Create a key', body: CreateKeyBody, answer: CreatedKey, status: 201 },
  listKeys: { method: 'get', path: '/v1/keys', access: 'admin', summary: 'Keys', answer: z.array(KeyView), status: 200 },
  revokeKey: { method: 'delete', path: '/v1/keys/:keyId', access: 'admin', summary: 'Revoke a key', params: byId('keyId'), answer: KeyView, status: 200 },
  listAudit: { method: 'get', path: '/v1/audit', access: 'admin', summary: 'Who did what, newest first', query: page, answer: z.array(AuditRow), status: 200 },

  listDevices: { method: 'get', path: '/v1/devices', access: 'viewer', summary: 'Devices', query: z.object({ selector: z.string().max(2000).optional() }), answer: z.array(DeviceView), status: 200 },
  showDevice: { method: 'get', path: '/v1/devices/:name', access: 'viewer', summary: 'One device', params: name, answer: DeviceDetail, status: 200 },
  whyDevice: { method: 'get', path: '/v1/devices/:name/why', access: 'viewer', summary: 'Why a device runs what it runs, from the append-only record', params: name, answer: DeviceWhy, status: 200 },
  labelDevice: { method: 'patch', path: '/v1/devices/:name/labels', access: 'operator', summary: 'Set and remove labels', params: name, body: LabelBody, answer: DeviceDetail, status: 200 },
  revokeDevice: { method: 'delete', path: '/v1/devices/:name', access: 'admin', summary: 'Revoke a device: its connection ends at once', params: name, answer: DeviceDetail, status: 200 },

  listGroups: { method: 'get', path: '/v1/groups', access: 'viewer', summary: 'Saved groups', answer: z.array(GroupView), status: 200 },
  saveGroup: { method: 'put', path: '/v1/groups/:name', access: 'operator', summary: 'Save a selector under a name', params: name, body: SaveGroupBody, answer: GroupView, status: 200 },
  removeGroup: { method: 'delete', path: '/v1/groups/:name', access: 'operator', summary: 'Forget a group; rollouts that it started go on', params: name, answer: GroupView, status: 200 },

  missingArtifacts: { method: 'post', path: '/v1/artifacts/missing', access: 'operator', summary: 'Which of these the server does not have', body: MissingArtifactsBody, answer: MissingArtifactsBody, status: 200 },
  putArtifact: { method: 'put', path: '/v1/artifacts/:sha256', access: 'operator', summary: 'Store one artifact', params: bySha, body: 'bytes', answer: z.looseObject({ sha256: Sha256, sizeBytes: z.int() }), status: 201 },
  getArtifact: { method: 'get', path: '/v1/artifacts/:sha256', access: ['viewer', 'device'], summary: 'One artifact; byte ranges; a device only what it was offered', params: bySha, answer: bytes, status: 200 },
  publishVersion: { method: 'post', path: '/v1/versions', access: 'operator', summary: 'Publish a version; its artifacts must be stored', body: Manifest, answer: VersionView, status: 201 },
  getManifest: { method: 'get', path: '/v1/manifests/:sha256', access: ['viewer', 'device'], summary: 'A manifest by the digest of its version, byte for byte', params: bySha, answer: { mediaType: 'application/json' }, status: 200 },
  listModels: { method: 'get', path: '/v1/models', access: 'viewer', summary: 'Models and their versions', answer: z.array(ModelView), status: 200 },
  showVersion: { method: 'get', path: '/v1/models/:model/versions/:version', access: 'viewer', summary: 'One version with its manifest', params: ref, answer: VersionDetail, status: 200 },

  startRollout: { method: 'post', path: '/v1/rollouts', access: 'operator', summary: 'Start a rollout', body: StartRolloutBody, answer: RolloutView, status: 201 },
  planRollout: { method: 'post', path: '/v1/rollouts/plan', access: 'viewer', summary: 'What a rollout would do, without doing it', body: StartRolloutBody, answer: RolloutPlan, status: 200 },
  listRollouts: { method: 'get', path: '/v1/rollouts', access: 'viewer', summary: 'Rollouts, newest first', query: page, answer: z.array(RolloutView), status: 200 },
  showRollout: { method: 'get', path: '/v1/rollouts/:rolloutId', access: 'viewer', summary: 'One rollout with its waves, gates and installations', params: byId('rolloutId'), answer: RolloutView, status: 200 },
  listDecisions: { method: 'get', path: '/v1/rollouts/:rolloutId/decisions', access: 'viewer', summary: 'Every decision about a rollout with its evidence, oldest first', params: byId('rolloutId'), answer: z.array(DecisionView), status: 200 },
  pauseRollout: { method: 'post', path: '/v1/rollouts/:rolloutId/pause', access: 'operator', query: steer, summary: 'Start no further device', params: byId('rolloutId'), answer: RolloutView, status: 200 },
  resumeRollout: { method: 'post', path: '/v1/rollouts/:rolloutId/resume', access: 'operator', query: steer, summary: 'Go on', params: byId('rolloutId'), answer: RolloutView, status: 200 },
  approveRollout: { method: 'post', path: '/v1/rollouts/:rolloutId/approve', access: 'operator', query: steer, summary: 'Let the next wave start', params: byId('rolloutId'), answer: RolloutView, status: 200 },
  promoteRollout: { method: 'post', path: '/v1/rollouts/:rolloutId/promote', access: 'operator', query: steer, summary: 'Make what runs as a shadow current', params: byId('rolloutId'), answer: RolloutView, status: 200 },
  abortRollout: { method: 'post', path: '/v1/rollouts/:rolloutId/abort', access: 'operator', query: steer, summary: 'End it; by default its devices return to what they ran', params: byId('rolloutId'), body: AbortRolloutBody, answer: RolloutView, status: 200 },

  requestBench: { method: 'post', path: '/v1/bench-runs', access: 'operator', summary: 'Ask a device for a bench run', body: RequestBenchBody, answer: BenchRunView, status: 202 },
  listBenchRuns: { method: 'get', path: '/v1/bench-runs', access: 'viewer', summary: 'Bench runs, newest first', query: page.extend({ device: DeviceName.optional() }), answer: z.array(BenchRunView), status: 200 },
  showBenchRun: { method: 'get', path: '/v1/bench-runs/:benchRunId', access: 'viewer', summary: 'One bench run', params: byId('benchRunId'), answer: BenchRunView, status: 200 },
  cancelBenchRun: { method: 'post', path: '/v1/bench-runs/:benchRunId/cancel', access: 'operator', summary: 'Cancel a bench run', params: byId('benchRunId'), answer: BenchRunView, status: 200 },
  table: { method: 'get', path: '/v1/table', access: 'viewer', summary: 'The newest bench of every version on every device', query: z.object({ device: z.string().optional(), model: z.string().optional() }), answer: z.array(TableRow), status: 200 },

  requestPicture: { method: 'post', path: '/v1/pictures', access: 'operator', summary: 'Ask for a picture', body: RequestPictureBody, answer: PictureView, status: 202 },
  listPictures: { method: 'get', path: '/v1/pictures', access: 'viewer', summary: 'Pictures, newest first', query: page.extend({ device: DeviceName.optional() }), answer: z.array(PictureView), status: 200 },
  showPicture: { method: 'get', path: '/v1/pictures/:pictureId', access: 'viewer', summary: 'One picture request', params: byId('pictureId'), answer: PictureView, status: 200 },
  cancelPicture: { method: 'post', path: '/v1/pictures/:pictureId/cancel', access: 'operator', summary: 'Cancel a picture request', params: byId('pictureId'), answer: PictureView, status: 200 },
  getPicture: { method: 'get', path: '/v1/pictures/:pictureId/content', access: 'viewer', summary: 'The PNG', params: byId('pictureId'), answer: { mediaType: 'image/png' }, status: 200 },
  getBeginning: { method: 'get', path: '/v1/pictures/:pictureId/image', access: ['device', 'viewer'], summary: 'The PNG that it begins from', params: byId('pictureId'), answer: { mediaType: 'image/png' }, status: 200 },
  getMask: { method: 'get', path: '/v1/pictures/:pictureId/mask', access: ['device', 'viewer'], summary: 'The PNG that says what of it is painted anew', params: byId('pictureId'), answer: { mediaType: 'image/png' }, status: 200 },
  putPicture: { method: 'put', path: '/v1/pictures/:pictureId/content', access: 'device', summary: 'A device delivers its picture', params: byId('pictureId'), body: 'bytes', answer: z.looseObject({ sha256: Sha256, sizeBytes: z.int() }), status: 201 },

  installScript: { method: 'get', path: '/install.sh', access: 'public', summary: 'The installer for a device on the same network', answer: { mediaType: 'text/x-shellscript' }, status: 200 },
  installFile: { method: 'get', path: '/install/:file', access: 'public', summary: 'What the installer fetches: the agent, and Node for its architecture', params: z.object({ file: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/) }), answer: bytes, status: 200 },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
type Parsed<S> = S extends z.ZodType ? z.infer<S> : undefined;
type Given<S> = S extends z.ZodType ? z.input<S> : undefined;
type Part<R, K extends string> = R extends Record<K, infer S> ? S : undefined;
export type ParamsOf<N extends RouteName> = Parsed<Part<(typeof routes)[N], 'params'>>;
export type QueryOf<N extends RouteName> = Parsed<Part<(typeof routes)[N], 'query'>>;
export type BodyOf<N extends RouteName> = Parsed<Part<(typeof routes)[N], 'body'>>;
/** What a caller may leave out: defaults are filled in by the server. */
export type GivenBody<N extends RouteName> = Given<Part<(typeof routes)[N], 'body'>>;
export type AnswerOf<N extends RouteName> = Parsed<Part<(typeof routes)[N], 'answer'>>;
