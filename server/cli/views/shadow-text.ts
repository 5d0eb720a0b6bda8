// How a version that runs unseen compares with the one that answers, in one line.
import type { ShadowView } from '../../../shared/http-api.ts';
import { plural } from '../../../shared/plural.ts';

export function shadowText(shadow: ShadowView): string {
  const { pairs, against, latencyRatio, latencyRatioLow, latencyRatioHigh } = shadow;
  if (pairs === 0) return 'nothing to compare yet';
  const interval =
    latencyRatioLow === null || latencyRatioHigh === null
      ? ''
      : ` [${latencyRatioLow.toFixed(2)}, ${latencyRatioHigh.toFixed(2)}]`;
  return [
    `beside ${against}, ${plural(pairs, 'request')}`,
    ...(latencyRatio === null ? [] : [`${latencyRatio.toFixed(2)}× its time${interval}`]),
    ...(shadow.adherence === null || shadow.adherenceShadow === null
      ? []
      : [`parts found ${percent(shadow.adherenceShadow)} against ${percent(shadow.adherence)} (n = ${shadow.judged})`]),
    ...(shadow.sameLabels === null ? [] : [`the same seen in both ${percent(shadow.sameLabels)}`]),
    ...(shadow.meanAbsoluteDifference === null ? [] : [`${shadow.meanAbsoluteDifference.toFixed(1)} levels apart`]),
  ].join(', ');
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
