// Several pictures of one request: their seeds, and the names of their files.

/** Of one command; a device holds a few more jobs than these. */
export const MOST_PICTURES = 32;

/** One after the other, over the largest on to 0. */
export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (first + i) % 2 ** 32);
}

const ENDING = /(\.(?:png|jpe?g|webp))?$/i;

/** `fox.png` → `fox-2.png` */
export const numbered = (file: string, number: number): string => file.replace(ENDING, `-${number}$1`);

/** `fox-2.png` → `fox-2-step-3.png`: of pictures that share a folder of previews none takes another's. */
export const previewName = (file: string, step: number): string => file.replace(ENDING, `-step-${step}.png`);
