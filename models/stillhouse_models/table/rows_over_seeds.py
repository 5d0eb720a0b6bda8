"""The same rows trained from several seeds: their means, and what of the differences chance does not explain."""

from statistics import fmean
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, norm

CONFIDENCE = 0.95
# Of the integral behind the quantile, over the row that all are compared with and over the deviation.
NODES, QUANTILES = 64, 4000
# Over which a row is averaged; parameters and steps are those of every seed.
AVERAGED = ("score", "adherence", "whole", "psnrDb")


def rows_over_seeds(by_seed: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """`by_seed`: for each seed its rows, the recipe's student first. One seed's rows come back as they are, with the interval
    over prompts. Of several each has means, `scores` of the seeds, and but for the first its `difference` from the recipe's
    student, with a 95 % interval that holds for all rows together.

    A seed draws the same lessons for every row and lifts or lowers all of them, so it is a block of the design: the error is
    what is left when the means of rows and of seeds are taken away (randomised blocks, with the intervals of Dunnett 1955)."""
    if len(by_seed) == 1:
        return by_seed[0]
    own, *others = [_mean(list(row)) for row in zip(*by_seed, strict=True)]
    half = _half_width(np.array([row["scores"] for row in (own, *others)]))
    values = [row["score"] - own["score"] for row in others]
    ends = [{"value": value, "low": value - half, "high": value + half} for value in values]
    return [own, *(row | {"difference": end} for row, end in zip(others, ends, strict=True))]


def _mean(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    same = {key: seeds[0][key] for key in ("parameters", "steps", "evaluations")}
    means = {key: None if seeds[0][key] is None else fmean(row[key] for row in seeds) for key in AVERAGED}
    return same | means | {"scores": [row["score"] for row in seeds]}


def _half_width(scores: np.ndarray) -> float:
    """`scores` [rows, seeds], the first row the one that all others are compared with."""
    rows, seeds = scores.shape
    if rows == 1:
        return 0.0
    left = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0, keepdims=True) + scores.mean()
    freedom = (rows - 1) * (seeds - 1)
    variance = float(np.square(left).sum()) / freedom
    return dunnett_quantile(rows - 1, freedom) * float(np.sqrt(2 * variance / seeds))


def dunnett_quantile(compared: int, freedom: int) -> float:
    """What the largest of `compared` standardised differences from one and the same row stays below with 95 % probability
    (Dunnett 1955): rows X_i and X_0 normal, S from `freedom` degrees, the chance that all |X_i - X_0| <= sqrt(2) d S."""
    at, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    deviations = np.sqrt(chi2.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES, freedom) / freedom)[:, None]

    def beyond(bound: float) -> float:
        reach = np.sqrt(2) * bound * deviations
        inside = (norm.cdf(at + reach) - norm.cdf(at - reach)) ** compared
        return float((inside @ weights).mean()) - CONFIDENCE

    return float(brentq(beyond, 0.5, 200.0, xtol=1e-4))
