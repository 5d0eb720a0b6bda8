import { z } from 'zod';
import { limits } from '../../shared/limits.ts';

/** A name within the folder, whatever a manifest says. */
const PartName = z.string().regex(/^part_\d{1,4}\.onnx$/);

/** `parts.json`, as the toolkit's onnx_parts.py writes it. */
export const Parts = z.looseObject({
  parts: z.array(PartName).min(1).max(limits.graphParts),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
});
