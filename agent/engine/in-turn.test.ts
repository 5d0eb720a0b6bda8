import { expect, it } from 'vitest';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { holdInTurn } from './in-turn.ts';

it('holds one part at a time, opens none twice while it goes on, and gives back what a loaded and a closed one has left', async () => {
  const events: string[] = [];
  const open = new Set<string>();
  const runtime: Runtime = {
    ...{ name: 'onnxruntime', version: '0', graphFile: 'model.onnx', build: async () => '' },
    load: async (path): Promise<Session> => {
      open.add(path);
      events.push(`+${path}`);
      return {
        ...{ inputs: [{ name: path, type: 'float32', dims: [] }], outputs: [] },
        run: async () => {
          events.push(path);
          expect([...open]).toEqual([path]);
          return {};
        },
        close: async () => {
          open.delete(path);
          events.push(`-${path}`);
        },
      };
    },
  };
  const inTurn = holdInTurn(runtime, () => events.push('~'));
  const [words, steps] = [await inTurn.load('a', { threads: 1 }), await inTurn.load('b', { threads: 1 })];
  expect(words.inputs[0]?.name).toBe('a');
  for (const session of [words, steps, steps, words]) await session.run({});
  await words.close();
  await steps.close();
  expect(events.join(' ')).toBe('+a ~ -a ~ +b ~ -b ~ +a ~ a -a ~ +b ~ b b -b ~ +a ~ a -a ~');
});
