import { expect, it } from 'vitest';
import { instructionSetFault } from './instruction-set.ts';

const variant = { name: 'onnxruntime-int8', instructionSets: { arm64: ['asimddp'], x64: ['avx2', 'fma'] } };

it.each([
  ['nothing asked', { name: 'v' }, { architecture: 'riscv64', cpuFeatures: [] }, null],
  ['all there', variant, { architecture: 'x64', cpuFeatures: ['fma', 'avx', 'avx2'] }, null],
  ['features that could not be read', variant, { architecture: 'arm64', cpuFeatures: [] }, null],
  ['one missing', variant, { architecture: 'x64', cpuFeatures: ['avx2'] }, /lacks fma$/],
  [
    'another architecture',
    variant,
    { architecture: 'riscv64', cpuFeatures: ['v'] },
    /made for arm64, x64.* is riscv64/,
  ],
])('%s', (_name, asked, processor, words) => {
  const fault = instructionSetFault(asked, processor);
  if (words === null) expect(fault).toBeNull();
  else expect(fault).toMatch(words);
});
