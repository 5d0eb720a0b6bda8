// The size that a PNG says it has, read from its first bytes (W3C PNG specification, 11.2.1): before anything is unpacked.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** "IHDR", which is the first chunk of every PNG. */
const HEADER = [0x49, 0x48, 0x44, 0x52];

/** @returns null where the bytes do not begin like a PNG */
export function pngSize(png: Uint8Array): { readonly width: number; readonly height: number } | null {
  const isPng = SIGNATURE.every((byte, i) => png[i] === byte) && HEADER.every((byte, i) => png[12 + i] === byte);
  if (!isPng || png.length < 24) return null;
  const view = new DataView(png.buffer, png.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
