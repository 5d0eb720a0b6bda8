import { IR_BITS } from './ir-fault.ts';
import type { IrConstant } from './read-ir.ts';

const PRECISIONS = { f32: 'fp32', f16: 'fp16', bf16: 'bf16', i8: 'int8', u8: 'int8', i4: 'int4', u4: 'int4' } as const;

/** Of what weights are stored in; indices and sizes are none. */
export function weighIr(constants: readonly IrConstant[]) {
  return constants.flatMap(({ type, sizeBytes: bytes }) => {
    const precision = Object.hasOwn(PRECISIONS, type) ? PRECISIONS[type as keyof typeof PRECISIONS] : null;
    return precision === null ? [] : [{ precision, bytes, elements: (bytes * 8) / (IR_BITS[type] as number) }];
  });
}
