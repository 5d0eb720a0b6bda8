// Picture files of people: a photograph as the PNG that a request begins from, and a made PNG as the JPEG or WebP that is asked for.
import type { Sharp } from 'sharp';
import { messageOf } from './errors.ts';
import { pngSize } from './png-size.ts';

const FORMATS = ['jpeg', 'png', 'webp'];
/** By how a name ends; every other name is a PNG's. */
const ENCODED: readonly (readonly [RegExp, 'jpeg' | 'webp'])[] = [
  [/\.jpe?g$/i, 'jpeg'],
  [/\.webp$/i, 'webp'],
];
const NOT_WRITTEN = /\.(avif|bmp|gif|heic|heif|jp2|jxl|svg|tiff?)$/i;
/** Of 100: what a person sees no difference at. */
const QUALITY = 95;

/** In pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export interface BeginningPng {
  readonly png: Uint8Array;
  readonly size: PixelSize;
}

/**
 * A PNG of the wanted size stays as it is, byte for byte, and so does any where none is wanted. All else is turned as its EXIF
 * orientation says and becomes sRGB of 8 bits without alpha; where a size is wanted it is scaled until it covers that (Lanczos) and
 * cropped around its centre, as diffusers' `VaeImageProcessor.resize(…, resize_mode="crop")` does.
 *
 * @param file a JPEG, PNG or WebP
 * @throws RangeError for any other file, and for one that is damaged
 */
export async function pictureAsPng(file: Uint8Array, wanted?: PixelSize): Promise<BeginningPng> {
  const own = pngSize(file);
  if (own && (!wanted || (own.width === wanted.width && own.height === wanted.height))) return { png: file, size: own };
  const sharp = await loadSharp('photographs and scaling', 'give a PNG of the size wanted');
  try {
    const { format, hasAlpha, autoOrient } = await sharp(file).metadata();
    if (!FORMATS.includes(format)) throw new RangeError(`its format is ${format}`);
    // Scaled with alpha, colours under transparent pixels would be lost, which count where nothing is scaled.
    const turned = hasAlpha
      ? sharp(await sharp(file).autoOrient().removeAlpha().png({ compressionLevel: 0 }).toBuffer())
      : sharp(file).autoOrient();
    const sized = wanted ? covering(turned, autoOrient, wanted) : turned;
    const { data, info } = await sized.png().toBuffer({ resolveWithObject: true });
    return { png: data, size: { width: info.width, height: info.height } };
  } catch (cause) {
    const [why] = messageOf(cause).split('\n');
    throw new RangeError(`this cannot be read as a JPEG, PNG or WebP: ${why}`, { cause });
  }
}

function covering(picture: Sharp, own: PixelSize, { width, height }: PixelSize): Sharp {
  const isWider = own.width * height >= own.height * width;
  const scaled = {
    width: isWider ? Math.floor((own.width * height) / own.height) : width,
    height: isWider ? height : Math.floor((own.height * width) / own.width),
  };
  const half = (pixels: number) => Math.floor(pixels / 2);
  return (
    picture
      // Without this option a JPEG is made smaller while it is decoded, by other means than Lanczos.
      .resize({ ...scaled, fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .extract({ left: half(scaled.width) - half(width), top: half(scaled.height) - half(height), width, height })
  );
}

/**
 * Before anything is painted.
 *
 * @param name of the file that a picture is to be saved as
 * @throws RangeError where pictures are not written so, or not here
 */
export async function requireWritten(name: string): Promise<void> {
  const [ending] = NOT_WRITTEN.exec(name) ?? [];
  if (ending) throw new RangeError(`pictures are not written as ${ending}; name a .png, .jpg or .webp`);
  if (encodingOf(name)) await loadSharp('JPEG and WebP', 'name a .png');
}

/** The bytes for a file of that name: JPEG with whole colours, or WebP, of a quality of 95; else the PNG as it is. @throws RangeError as above */
export async function encodedFor(name: string, png: Uint8Array): Promise<Uint8Array> {
  const encoding = encodingOf(name);
  if (!encoding) return png;
  const sharp = await loadSharp('JPEG and WebP', 'name a .png');
  return sharp(png).toFormat(encoding, { quality: QUALITY, chromaSubsampling: '4:4:4' }).toBuffer();
}

const encodingOf = (name: string) => ENCODED.find(([ending]) => ending.test(name))?.[1];

/** Most commands never need it, and an agent that was installed alone has none. */
async function loadSharp(what: string, remedy: string) {
  const { default: sharp } = await import('sharp').catch((cause) => {
    throw new RangeError(`${what} need the package sharp, which is missing here; ${remedy}`, { cause });
  });
  return sharp;
}
