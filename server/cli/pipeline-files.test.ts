import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pipelineFiles } from './pipeline-files.ts';

const FILES = [
  ...['model_index.json', 'README.md', '.gitattributes', 'unet/config.json', 'unet/model.onnx', 'unet/model.onnx_data'],
  ...['unet/openvino_model.xml', 'unet/openvino_model.bin', 'unet/.cache', 'unet/diffusion_pytorch_model.safetensors'],
  ...['unet/weights.bin', 'unet/diffusion_pytorch_model.bin', 'vae_decoder/model.onnx', 'vae_decoder/model.onnx.data'],
  ...['vae_encoder/model.onnx', 'text_encoder_2/model.onnx', 'tokenizer/merges.txt', 'safety_checker/model.onnx'],
];

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-files-'));
  for (const file of FILES) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), file);
  }
  // As hubs' caches have them.
  symlinkSync(join(folder, 'README.md'), join(folder, 'tokenizer/vocab.json'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SHARED = ['model_index.json', 'tokenizer/merges.txt', 'tokenizer/vocab.json', 'unet/config.json'];

test.each([
  [
    'onnxruntime',
    [
      ...['text_encoder_2/model.onnx', 'unet/model.onnx', 'unet/model.onnx_data', 'unet/weights.bin'],
      ...['vae_decoder/model.onnx', 'vae_decoder/model.onnx.data', 'vae_encoder/model.onnx'],
    ],
  ],
  ['openvino', ['unet/openvino_model.bin', 'unet/openvino_model.xml', 'unet/weights.bin']],
] as const)('what %s needs', async (runtime, own) => {
  expect(await pipelineFiles(folder, runtime)).toEqual([...SHARED, ...own].sort());
});

test('a link out of the folder is refused, unless it leads to the blobs of a cache', async () => {
  const cache = join(folder, 'models--a--b');
  const snapshot = join(cache, 'snapshots/0123');
  for (const file of ['blobs/1', 'snapshots/0123/model_index.json', 'snapshots/0123/unet/model.onnx', 'secret']) {
    mkdirSync(dirname(join(cache, file)), { recursive: true });
    writeFileSync(join(cache, file), file);
  }
  symlinkSync('../../../blobs/1', join(snapshot, 'unet/config.json'));
  expect(await pipelineFiles(snapshot, 'onnxruntime')).toContain('unet/config.json');
  mkdirSync(join(snapshot, 'tokenizer'));
  symlinkSync('../../../secret', join(snapshot, 'tokenizer/vocab.json'));
  await expect(pipelineFiles(snapshot, 'onnxruntime')).rejects.toThrow(
    /vocab.json leads out of its folder, to .*secret/,
  );
});
