// What every pipeline is to its engine: requests in, pictures out, stage by stage.
import type { PromptCut } from '../../shared/prompt-cut.ts';
import type { RgbPicture } from './png.ts';

export interface StageProgress {
  readonly stage: 'tokenize' | 'encode' | 'denoise' | 'decode' | 'png';
  readonly done: number;
  readonly total: number;
  /** A small PNG of what it looks like, now and then, where the request asks for previews. */
  readonly preview?: Uint8Array;
}

/** A picture to make, or a batch of them, every choice made. */
export interface PictureRequest {
  readonly prompt: string;
  /** Unsigned 32-bit integer. */
  readonly seed: number;
  /** Pictures of one run of the graphs, of seeds one after the other, each as it would be alone; 1 unless said otherwise. */
  readonly batch?: number;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly width: number;
  readonly height: number;
  /** What guidance leads away from; left out, what the pipeline's reference takes. */
  readonly negativePrompt?: string;
  /** A scheduler in place of the folder's own: a class of diffusers or a short name. */
  readonly scheduler?: string;
  /** A PNG to begin from, of the size asked for. */
  readonly image?: Uint8Array;
  /** A PNG of the same size: what is white in it is painted anew, what is black stays as it is in the image. */
  readonly mask?: Uint8Array;
  /** How far to go away from it, over 0 to 1; left out, what the pipeline's reference takes. */
  readonly strength?: number;
  /** Decode, and encode the picture to begin from, in tiles that overlap: the memory of one tile, and blended edges. */
  readonly tiled?: boolean;
  /** For whoever runs the pipeline; it decides no pixel. */
  readonly fresh?: boolean;
  readonly previews?: boolean;
  readonly keepSizes?: boolean;
}

/** What a request takes where it says nothing, from the variant. */
export type PictureDefaults = Pick<PictureRequest, 'steps' | 'guidanceScale' | 'width' | 'height'>;

/** What a pipeline asks of whoever runs it. */
export interface PipelineHost {
  /**
   * Enters a stage, or a step of it. Lets other work in, and throws EngineFault `canceled` when the picture is not
   * wanted any more.
   *
   * @param preview what it looks like now; called only when somebody wants to see it
   */
  reach(progress: StageProgress, preview?: () => RgbPicture): Promise<void>;
}

export interface PipelinePictures {
  /** One for each seed. */
  readonly pictures: readonly RgbPicture[];
  readonly unknownWords: readonly string[];
  readonly promptCuts: readonly PromptCut[];
}

export interface Pipeline {
  /** @throws EngineFault for a request that this pipeline cannot fulfil, before any work is done */
  check(request: PictureRequest): void;
  /** Guidance up to which a negative prompt is not read; left out: 1. */
  readonly unguidedUpTo?: number;
  generate(request: PictureRequest, host: PipelineHost): Promise<PipelinePictures>;
}
