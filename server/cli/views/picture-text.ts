import pc from 'picocolors';
import { plural } from '../../../shared/plural.ts';
import { noticeTexts } from '../../../shared/prompt-notices.ts';
import { latency } from '../../../shared/units.ts';
import type { Fetched } from '../fetch-picture.ts';
import { fitText } from './fit-text.ts';

export function pictureText(file: string, { view, result }: Fetched): string {
  const { width, height, steps, latencyMs, model, version, seed, cached } = result;
  const facts = [
    `${width}×${height}`,
    plural(steps, 'step'),
    cached ? `kept on ${view.device}, where it took ${latency(latencyMs)}` : `${latency(latencyMs)} on ${view.device}`,
    `${model}@${version}`,
    `seed ${seed}`,
  ];
  const fitted = view.request.fit ? [fitText(view.request.fit)] : [];
  return [`saved ${pc.bold(file)} (${facts.join(', ')})`, ...fitted, ...noticeTexts(result).map(pc.yellow)].join('\n');
}
