// Which files of a folder make pictures: the parts of a pipeline, and nothing that merely lies beside them.
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { StillError } from '../../shared/errors.ts';

const PARTS = /^(scheduler|tokenizer(_[23])?|text_encoder(_[23])?|unet|transformer|vae_decoder|vae_encoder)$/;
/** Weights beside an ONNX graph may have any name, weights.bin among them. */
const OF_OTHER_RUNTIME = { onnxruntime: /\/openvino_[^/]*\.(xml|bin)$/, openvino: /\.onnx([._]data)?$/ } as const;
/** Weights of trainers, which exports sometimes leave behind. */
const OF_NO_RUNTIME = /\.(safetensors|ckpt|pt|pth|msgpack|h5)$|pytorch_model[^/]*\.bin$/;

/**
 * Relative paths with slashes, sorted; links count as the files that they lead to.
 *
 * @throws StillError `invalid_input` where one leads out of the folder: a downloaded folder must not publish what else is on this machine
 */
export async function pipelineFiles(folder: string, runtime: 'onnxruntime' | 'openvino'): Promise<string[]> {
  const parts = (await readdir(folder)).filter((name) => PARTS.test(name));
  const files = ['model_index.json'];
  for (const part of parts) {
    const entries = await readdir(join(folder, part), { withFileTypes: true });
    const names = entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
    files.push(...names.map((name) => `${part}/${name}`));
  }
  const wanted = files.filter((path) => !OF_OTHER_RUNTIME[runtime].test(path) && !OF_NO_RUNTIME.test(path)).sort();
  await requireInside(folder, wanted);
  return wanted;
}

async function requireInside(folder: string, paths: readonly string[]): Promise<void> {
  const home = await realpath(folder);
  // A hub's cache links each file of `snapshots/REVISION` to `blobs`, beside it.
  const blobs = basename(dirname(home)) === 'snapshots' ? [join(dirname(dirname(home)), 'blobs')] : [];
  for (const path of paths) {
    // One that leads nowhere is told of by whoever reads it.
    const file = await realpath(join(folder, path)).catch(() => null);
    if (file !== null && ![home, ...blobs].some((inside) => file.startsWith(inside + sep)))
      throw new StillError(
        'invalid_input',
        `${join(folder, path)} leads out of its folder, to ${file}; copy the file there`,
      );
  }
}
