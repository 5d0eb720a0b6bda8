import { expect, it } from 'vitest';
import { kernelShares } from './describe-runtime.ts';

it('adds up what one operator spends in one kernel, the largest share first', () => {
  const times = [
    { operator: 'Softmax', kernel: 'jit', ms: 1 },
    { operator: 'Convolution', kernel: 'brgconv', ms: 2 },
    { operator: 'Convolution', kernel: 'brgconv', ms: 5 },
    { operator: 'Convolution', kernel: 'ref', ms: 2 },
  ];
  expect(kernelShares('unet', times).map(({ operator, kernel, share }) => [operator, kernel, share])).toEqual([
    ['Convolution', 'brgconv', 0.7],
    ['Convolution', 'ref', 0.2],
    ['Softmax', 'jit', 0.1],
  ]);
});

it('has nothing to say of a graph that did not run', () => expect(kernelShares('unet', [])).toEqual([]));
