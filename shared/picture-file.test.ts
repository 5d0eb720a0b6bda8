import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodedFor, pictureAsPng, requireWritten } from './picture-file.ts';

const COLOURS = { red: [255, 0, 0], green: [0, 255, 0], blue: [0, 0, 255], white: [255, 255, 255] } as const;
type Colour = keyof typeof COLOURS;

/** Columns of one colour each, 60 pixels wide and 90 high. */
function columns(...colours: Colour[]) {
  const [width, height] = [60 * colours.length, 90];
  const rgb = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => COLOURS[colours[Math.floor((Math.floor(i / 3) % width) / 60)] as Colour][i % 3] as number,
  );
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2);

/** The nearest of the colours at these places, each given in shares of the sides. */
async function coloursAt(png: Uint8Array, ...places: [x: number, y: number][]): Promise<Colour[]> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  const distance = (colour: Colour, at: number) =>
    COLOURS[colour].reduce<number>((sum, level, channel) => sum + Math.abs(level - (data[at + channel] as number)), 0);
  return places.map(([x, y]) => {
    const at = 3 * (Math.floor(y * info.height) * info.width + Math.floor(x * info.width));
    const names = Object.keys(COLOURS) as Colour[];
    return names.reduce((best, name) => (distance(name, at) < distance(best, at) ? name : best));
  });
}

describe('a picture to begin from', () => {
  it('stays the same bytes where it is a PNG of the size wanted', async () => {
    const png = await columns('red', 'blue').png().toBuffer();
    const size = { width: 120, height: 90 };
    expect(await pictureAsPng(png)).toEqual({ png, size });
    expect((await pictureAsPng(png, size)).png).toBe(png);
  });

  it.each(['jpeg', 'webp'] as const)('may be a %s', async (format) => {
    const { png, size } = await pictureAsPng(await columns('red', 'blue').toFormat(format).toBuffer());
    expect(size).toEqual({ width: 120, height: 90 });
    expect(await coloursAt(png, [0.25, 0.5], [0.75, 0.5])).toEqual(['red', 'blue']);
  });

  it('is scaled until it covers the size, and cropped around its centre', async () => {
    const wide = await columns('red', 'green', 'white', 'blue').jpeg().toBuffer();
    const { png, size } = await pictureAsPng(wide, { width: 40, height: 30 });
    expect(size).toEqual({ width: 40, height: 30 });
    expect(await coloursAt(png, [0.02, 0.5], [0.4, 0.5], [0.6, 0.5], [0.98, 0.5])).toEqual([
      'green',
      'green',
      'white',
      'white',
    ]);
  });

  it('stands as the camera says it was held', async () => {
    const turned = await columns('red', 'blue').withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { png, size } = await pictureAsPng(turned);
    expect(size).toEqual({ width: 90, height: 120 });
    expect(await coloursAt(png, [0.5, 0.25], [0.5, 0.75])).toEqual(['red', 'blue']);
  });

  it('stands so where it has alpha, too', async () => {
    const turned = await columns('red', 'blue').ensureAlpha(0.5).withMetadata({ orientation: 6 }).webp().toBuffer();
    const { png } = await pictureAsPng(turned, { width: 45, height: 60 });
    expect(await coloursAt(png, [0.5, 0.25], [0.5, 0.75])).toEqual(['red', 'blue']);
  });

  it('keeps the colours under its transparent pixels', async () => {
    const clear = await columns('red', 'blue').ensureAlpha(0).png().toBuffer();
    const { png } = await pictureAsPng(clear, { width: 64, height: 48 });
    expect(await coloursAt(png, [0.1, 0.5], [0.9, 0.5])).toEqual(['red', 'blue']);
  });

  it.each([
    ['a text', () => Buffer.from('no picture at all'), 'unsupported image format'],
    ['a drawing', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'), 'format is svg'],
    ['a JPEG cut short', async () => half(await columns('red', 'blue').jpeg().toBuffer()), 'premature end'],
    [
      'a PNG cut short',
      async () => (await columns('red').png({ compressionLevel: 0 }).toBuffer()).subarray(0, 5000),
      'read error',
    ],
  ])('is refused where it is %s', async (_, make, why) => {
    const read = pictureAsPng(await make(), { width: 8, height: 8 });
    await expect(read).rejects.toThrow(RangeError);
    await expect(read).rejects.toThrow('this cannot be read as a JPEG, PNG or WebP: ');
    await expect(read).rejects.toThrow(why);
  });
});

describe('a picture that is saved', () => {
  it.each([
    ['fox.jpg', 'jpeg'],
    ['fox.JPEG', 'jpeg'],
    ['fox.webp', 'webp'],
  ])('as %s is a %s', async (name, format) => {
    const encoded = await encodedFor(name, await columns('red', 'blue').png().toBuffer());
    expect(await sharp(encoded).metadata()).toMatchObject({ format, width: 120, height: 90 });
    expect(await coloursAt(encoded, [0.25, 0.5], [0.75, 0.5])).toEqual(['red', 'blue']);
    await expect(requireWritten(name)).resolves.toBeUndefined();
  });

  it.each(['fox.png', 'fox', 'jpg', 'fox.jpg.png'])('as %s keeps its bytes', async (name) => {
    const png = await columns('red').png().toBuffer();
    expect(await encodedFor(name, png)).toBe(png);
    await expect(requireWritten(name)).resolves.toBeUndefined();
  });

  it('is refused where its name says what is not written', async () => {
    await expect(requireWritten('fox.gif')).rejects.toThrow('not written as .gif; name a .png, .jpg or .webp');
  });
});
