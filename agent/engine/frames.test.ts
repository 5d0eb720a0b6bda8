import { describe, expect, it } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { isFrame } from './frames.ts';

const picture = {
  png: new Uint8Array(4),
  width: 1,
  height: 1,
  steps: 1,
  seed: 0,
  latencyMs: 1,
  stagesMs: {},
  stepsMs: [],
  unknownWords: [],
  promptCuts: [],
};

describe('isFrame', () => {
  it.each([
    { kind: 'ready', runtimeVersion: 'onnxruntime 1', compiled: { anew: 2, fromCache: 0 } },
    { kind: 'progress', id: 1, progress: { stage: 'denoise', done: 1, total: 4 } },
    { kind: 'pictures', id: 1, pictures: [picture, picture] },
    { kind: 'found', id: 1, labels: {} },
    { kind: 'description', id: 1, description: { build: 'b', kernels: [] } },
    { kind: 'fault', id: null, code: 'load_failed', message: 'no' },
  ])('knows $kind', (frame) => expect(isFrame(frame)).toBe(true));

  it.each([
    null,
    'ready',
    { kind: 'ready' },
    { kind: 'ready', runtimeVersion: 'openvino 1', compiled: { anew: '2' } },
    { kind: 'progress', id: 1, progress: null },
    { kind: 'pictures', id: '1', pictures: [picture] },
    { kind: 'pictures', id: 1, pictures: picture },
    { kind: 'pictures', id: 1, pictures: [] },
    { kind: 'pictures', id: 1, pictures: Array(33).fill(picture) },
    { kind: 'pictures', id: 1, pictures: [picture, { ...picture, png: 'iVBOR' }] },
    { kind: 'pictures', id: 1, pictures: [{ ...picture, png: { length: limits.pictureBytes + 1 } }] },
    { kind: 'found', id: 1, labels: null },
    { kind: 'description', id: 1, description: { build: 'b' } },
    { kind: 'fault', id: 1, code: 'no_such_code', message: 'no' },
    { kind: 'fault', id: 1, code: 'run_failed' },
    { kind: 'order', id: 1 },
  ])('refuses %o', (value) => expect(isFrame(value)).toBe(false));
});
