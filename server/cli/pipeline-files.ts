// Which files of a folder make pictures: the parts of a pipeline, and nothing that merely lies beside them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const PARTS = /^(scheduler|tokenizer(_[23])?|text_encoder(_[23])?|unet|transformer|vae_decoder|vae_encoder)$/;
/** Weights beside an ONNX graph may have any name, weights.bin among them. */
const OF_OTHER_RUNTIME = { onnxruntime: /\/openvino_[^/]*\.(xml|bin)$/, openvino: /\.onnx([._]data)?$/ } as const;
/** Weights of trainers, which exports sometimes leave behind. */
const OF_NO_RUNTIME = /\.(safetensors|ckpt|pt|pth|msgpack|h5)$|pytorch_model[^/]*\.bin$/;

/** Relative paths with slashes, sorted; links count as the files that they lead to. */
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
  return files.filter((path) => !OF_OTHER_RUNTIME[runtime].test(path) && !OF_NO_RUNTIME.test(path)).sort();
}
