"""The same rows trained from several seeds: their means, and what of the differences chance does not explain."""

from statistics import fmean
from typing import Any

import numpy as np
from scipy.stats import dunnett

# Of the quasi-random integral behind Dunnett's quantile: the same scores give the same interval.
QUANTILE_SEED = 0
# Over which a row is averaged; parameters and steps are those of every seed.
AVERAGED = ("score", "adherence", "whole", "psnrDb")


def rows_over_seeds(by_seed: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """`by_seed`: for each seed its rows, the recipe's student first. One seed's rows come back as they are, with the interval
    over prompts. Of several each has means, `scores` of the seeds, and but for the first its `difference` from the recipe's
    student with a 95 % interval that holds for all rows together (Dunnett 1955, scipy.stats.dunnett)."""
    if len(by_seed) == 1:
        return by_seed[0]
    own, *others = [_mean(list(row)) for row in zip(*by_seed, strict=True)]
    return [own, *(row | {"difference": end} for row, end in zip(others, _differences(own, others), strict=True))]


def _mean(seeds: list[dict[str, Any]]) -> dict[str, Any]:
    same = {key: seeds[0][key] for key in ("parameters", "steps", "evaluations")}
    means = {key: None if seeds[0][key] is None else fmean(row[key] for row in seeds) for key in AVERAGED}
    return same | means | {"scores": [row["score"] for row in seeds]}


def _differences(own: dict[str, Any], others: list[dict[str, Any]]) -> list[dict[str, float]]:
    if not others:
        return []
    values = [row["score"] - own["score"] for row in others]
    groups = [np.asarray(row["scores"]) for row in (own, *others)]
    # Where no seed differs from another there is no chance to speak of, and Dunnett's statistic divides by it.
    if all(np.ptp(group) == 0 for group in groups):
        return [{"value": value, "low": value, "high": value} for value in values]
    ends = dunnett(*groups[1:], control=groups[0], rng=np.random.default_rng(QUANTILE_SEED)).confidence_interval(0.95)
    return [
        {"value": value, "low": float(low), "high": float(high)}
        for value, low, high in zip(values, ends.low, ends.high, strict=True)
    ]
