// The constants of an OpenVINO IR, from the text of its .xml.

const BITS = { f32: 32, f16: 16, bf16: 16, i8: 8, u8: 8, i4: 4, u4: 4 } as const;
const PRECISIONS = { f32: 'fp32', f16: 'fp16', bf16: 'bf16', i8: 'int8', u8: 'int8', i4: 'int4', u4: 'int4' } as const;

export function weighOpenVino(xml: string) {
  return [...xml.matchAll(/<data [^>]*element_type="(\w+)"[^>]*\bsize="(\d+)"/g)].flatMap(([, type = '', size]) => {
    if (!Object.hasOwn(BITS, type)) return [];
    const [known, bytes] = [type as keyof typeof BITS, Number(size)];
    return [{ precision: PRECISIONS[known], bytes, elements: (bytes * 8) / BITS[known] }];
  });
}
