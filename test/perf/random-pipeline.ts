// A pipeline of Stable Diffusion's shape at a quarter of its width, with random weights: as diffusers keeps it, for ONNX
// Runtime and for OpenVINO. Pictures of 256x256. And one of its full width.
import { madeByToolkit } from './made-by-toolkit.ts';

export interface RandomPipeline {
  readonly diffusers: string;
  readonly onnx: string;
  readonly openvino: string;
}

/** @throws Error where the toolkit's environment is missing or fails */
export function randomPipeline(): RandomPipeline {
  const diffusers = madeByToolkit('diffusers', (out) => ['tiny-diffusers', 'sd-1.5-small', '--out', out]);
  const graphs = (runtime: string) =>
    madeByToolkit(runtime, (out) => ['export-diffusers', diffusers, '--out', out, '--runtime', runtime]);
  return { diffusers, onnx: graphs('onnx'), openvino: graphs('openvino') };
}

/** 1,032 million parameters, for ONNX Runtime: 8 GB on the disk, and 10 GB of memory to make. @throws Error as above */
export function fullSizePipeline(): Pick<RandomPipeline, 'diffusers' | 'onnx'> {
  const diffusers = madeByToolkit('full-diffusers', (out) => ['tiny-diffusers', 'sd-1.5', '--out', out]);
  const onnx = madeByToolkit('full-onnx', (out) => ['export-diffusers', diffusers, '--out', out]);
  return { diffusers, onnx };
}
