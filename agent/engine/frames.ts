// What parent and child say to each other, over Node's IPC channel with structured clones.

import { limits } from '../../shared/limits.ts';
import type { InferencePrecision } from '../../shared/manifest.ts';
import { MOST_PICTURES } from '../../shared/picture-series.ts';
import type { PromptCut } from '../../shared/prompt-cut.ts';
import { ENGINE_FAULT_CODES, type EngineFaultCode } from '../pipeline/fault.ts';
import type { AdapterFile } from '../pipeline/lora/with-adapters.ts';
import type { PictureDefaults, PictureRequest, StageProgress } from '../pipeline/pipeline.ts';
import type { CompiledCount } from '../runtime/runtime.ts';
import type { GeneratedPicture, RuntimeDescription } from './engine.ts';

/** What the child loads; absolute paths. */
export interface LoadOrder {
  readonly runtime: 'onnxruntime' | 'openvino';
  /** Folder of the runtime's own libraries, where it is no package; null when it is not installed. */
  readonly libraries: string | null;
  readonly precision: InferencePrecision;
  /** Parts are held one at a time. */
  readonly inTurn: boolean;
  readonly adapters: readonly AdapterFile[];
  readonly folder: string;
  readonly defaults: PictureDefaults;
  readonly evaluator: { readonly graph: string; readonly config: string } | null;
  readonly threads: number;
  /** As SessionOptions. */
  readonly streams: number;
  /** Where compiled forms are kept; null: nowhere. */
  readonly compiledFolder: string | null;
}

export type ToChild =
  | { readonly kind: 'load'; readonly order: LoadOrder }
  | { readonly kind: 'generate'; readonly id: number; readonly request: PictureRequest; readonly progress: boolean }
  | { readonly kind: 'evaluate'; readonly id: number; readonly png: Uint8Array }
  | { readonly kind: 'describe'; readonly id: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'make-way' }
  | { readonly kind: 'close' };

export interface FaultFrame {
  readonly kind: 'fault';
  /** Null for a fault of the load. */
  readonly id: number | null;
  readonly code: EngineFaultCode;
  readonly message: string;
}

export type ToParent =
  | { readonly kind: 'ready'; readonly runtimeVersion: string; readonly compiled: CompiledCount | null }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: StageProgress }
  | { readonly kind: 'pictures'; readonly id: number; readonly pictures: readonly GeneratedPicture[] }
  | { readonly kind: 'found'; readonly id: number; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'description'; readonly id: number; readonly description: RuntimeDescription }
  | { readonly kind: 'made-way' }
  | FaultFrame;

/**
 * Whether what a child sent is a frame. A graph is somebody else's input to a native library, so its process is not
 * taken at its word.
 */
export function isFrame(value: unknown): value is ToParent {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  const frame = value as { readonly [field: string]: unknown };
  switch (frame.kind) {
    case 'ready':
      return typeof frame.runtimeVersion === 'string' && isCount(frame.compiled);
    case 'progress':
      return Number.isInteger(frame.id) && isProgress(frame.progress);
    case 'pictures':
      return Number.isInteger(frame.id) && arePictures(frame.pictures);
    case 'found':
      return Number.isInteger(frame.id) && typeof frame.labels === 'object' && frame.labels !== null;
    case 'made-way':
      return true;
    case 'description':
      return Number.isInteger(frame.id) && isDescription(frame.description);
    case 'fault':
      return (frame.id === null || Number.isInteger(frame.id)) && isFault(frame);
    default:
      return false;
  }
}

function isCount(value: unknown): value is CompiledCount | null {
  if (value === null) return true;
  const { anew, fromCache } = (value ?? {}) as Partial<CompiledCount>;
  return Number.isInteger(anew) && Number.isInteger(fromCache);
}

const isFault = ({ code, message }: { readonly [field: string]: unknown }): boolean =>
  typeof message === 'string' && ENGINE_FAULT_CODES.some((known) => known === code);

function isDescription(value: unknown): value is RuntimeDescription {
  const { build, kernels } = (value ?? {}) as Partial<RuntimeDescription>;
  return typeof build === 'string' && Array.isArray(kernels);
}

function isProgress(value: unknown): value is StageProgress {
  const progress = value as Partial<StageProgress> | null | undefined;
  return typeof progress?.stage === 'string' && Number.isInteger(progress.done) && Number.isInteger(progress.total);
}

const arePictures = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= MOST_PICTURES && value.every(isPicture);

function isPicture(value: unknown): value is GeneratedPicture {
  const picture = value as Partial<GeneratedPicture> | null | undefined;
  return (
    picture?.png instanceof Uint8Array &&
    picture.png.length <= limits.pictureBytes &&
    Number.isInteger(picture.width) &&
    Number.isInteger(picture.height) &&
    typeof picture.latencyMs === 'number' &&
    Array.isArray(picture.stepsMs) &&
    Array.isArray(picture.unknownWords) &&
    Array.isArray(picture.promptCuts) &&
    picture.promptCuts.every(isPromptCut) &&
    (picture.negativeUnreadUpTo === undefined || typeof picture.negativeUnreadUpTo === 'number')
  );
}

function isPromptCut(value: unknown): boolean {
  const { of, encoder, tokens, mostTokens, unread } = (value ?? {}) as Partial<PromptCut>;
  const texts =
    (of === 'prompt' || of === 'negativePrompt') && typeof encoder === 'string' && typeof unread === 'string';
  return texts && Number.isInteger(tokens) && Number.isInteger(mostTokens);
}
