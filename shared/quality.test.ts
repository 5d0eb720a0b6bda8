// Both sides pass the vectors that the toolkit wrote: the score in a manifest and the score of a device are one measure.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { type Artifacts, Diversity, meanArtifacts, pictureArtifacts, type Rgb } from './artifacts.ts';
import { pictureAdherence, qualityScore } from './quality.ts';
import { mulberry32 } from './statistics.ts';

interface Vectors {
  readonly tolerance: number;
  readonly scores: {
    pictures: number[];
    teacher: number[];
    expected: { quality: number; interval: object; adherence: number; whole: number };
  }[];
  readonly artifacts: {
    picture?: string;
    made?: { seed: number; width: number; height: number };
    period: number;
    expected: Artifacts;
  }[];
  readonly diversity: { pictures: string[]; expectedLevels: number }[];
}

const golden = new URL('../test/golden/', import.meta.url);
const vectors = JSON.parse(readFileSync(new URL('quality.json', golden), 'utf8')) as Vectors;

function fromFile(name: string): Rgb {
  const { width, height, data } = decode(readFileSync(new URL(name, golden)));
  return { width, height, rgb: data as Uint8Array };
}

function made({ seed, width, height }: { seed: number; width: number; height: number }): Rgb {
  const uniform = mulberry32(seed);
  return { width, height, rgb: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(uniform() * 256)) };
}

const scores = fc
  .array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 })
  .map((n) => n.map((i) => i / 5));

describe('qualityScore', () => {
  it('equals the toolkit to the last bit, its interval too', () => {
    for (const { pictures, teacher, expected } of vectors.scores) {
      const { score, interval, adherence, whole } = qualityScore(pictures, teacher);
      expect({ quality: score, interval, adherence, whole, prompts: pictures.length }).toEqual(expected);
    }
  });

  it('puts the teacher at 5 with no doubt about it', () => {
    fc.assert(
      fc.property(scores, (teacher) => {
        fc.pre(teacher.every((value) => value > 0));
        expect(qualityScore(teacher, teacher)).toMatchObject({ score: 5, interval: { low: 5, high: 5 } });
      }),
    );
  });

  it('lies within its interval', () => {
    fc.assert(
      fc.property(scores, (pictures) => {
        const { score, interval } = qualityScore(pictures, new Array(pictures.length).fill(1));
        fc.pre(pictures.length >= 10);
        expect(interval.low).toBeLessThanOrEqual(score);
        expect(interval.high).toBeGreaterThanOrEqual(score);
      }),
    );
  });
});

it('counts the parts of a caption that were found', () => {
  expect(pictureAdherence({ object: 'fox', place: 'left' }, { object: 'fox', place: 'right' })).toBe(0.5);
  expect(pictureAdherence({}, { object: 'fox' })).toBe(1);
});

describe('artifacts', () => {
  it('equal the toolkit', () => {
    for (const { picture, made: from, period, expected } of vectors.artifacts) {
      const measured = pictureArtifacts(picture === undefined ? made(from as never) : fromFile(picture), period);
      for (const name of Object.keys(expected) as (keyof Artifacts)[])
        expect(measured[name], `${picture ?? JSON.stringify(from)}, period ${period}: ${name}`).toBeCloseTo(
          expected[name],
          -Math.log10(vectors.tolerance * 10),
        );
    }
  });

  it('see a checkerboard, a blurred picture, a clipped one and an empty one for what they are', () => {
    const draw = (at: (x: number, y: number) => number): Rgb => {
      const rgb = new Uint8Array(32 * 32 * 3);
      for (let i = 0; i < rgb.length; i++) rgb[i] = at(Math.floor(i / 3) % 32, Math.floor(i / 96));
      return { width: 32, height: 32, rgb };
    };
    const noise = made({ seed: 5, width: 32, height: 32 });
    expect(
      pictureArtifacts(
        draw((x, y) => ((x + y) % 2 === 0 ? 100 : 140)),
        4,
      ).grid,
    ).toBeCloseTo(1, 2);
    expect(pictureArtifacts(noise, 4).grid).toBeLessThan(0.05);
    expect(
      pictureArtifacts(
        draw((x) => x * 4),
        4,
      ).seams,
    ).toBeCloseTo(1, 9);
    expect(
      pictureArtifacts(
        draw((x, y) => 10 * (Math.floor(x / 4) + Math.floor(y / 4))),
        4,
      ).seams,
    ).toBeCloseTo(11, 9);
    expect(
      pictureArtifacts(
        draw((x) => x * 4),
        4,
      ).sharpness,
    ).toBeLessThan(pictureArtifacts(noise, 4).sharpness / 10);
    expect(
      pictureArtifacts(
        draw((x) => (x < 16 ? 0 : 255)),
        4,
      ).clipping,
    ).toBe(1);
    expect(
      meanArtifacts([
        pictureArtifacts(
          draw(() => 128),
          4,
        ),
        pictureArtifacts(noise, 4),
      ]).flat,
    ).toBe(0.5);
  });

  it('measure how different the pictures of a set are', () => {
    for (const { pictures, expectedLevels } of vectors.diversity) {
      const diversity = new Diversity();
      for (const name of pictures) diversity.add(fromFile(name));
      expect(diversity.levels()).toBeCloseTo(expectedLevels, 8);
    }
  });

  it('agree with the mean over all pairs', () => {
    const [a, b, c] = [1, 2, 3].map((seed) => made({ seed, width: 4, height: 4 })) as [Rgb, Rgb, Rgb];
    const squared = (x: Rgb, y: Rgb) =>
      x.rgb.reduce((sum, value, i) => sum + (value - (y.rgb[i] as number)) ** 2, 0) / x.rgb.length;
    const diversity = new Diversity();
    for (const each of [a, b, c]) diversity.add(each);
    expect(diversity.levels()).toBeCloseTo(Math.sqrt((squared(a, b) + squared(a, c) + squared(b, c)) / 3), 9);
  });
});
