"""Confidence intervals by a seeded bootstrap; shared/statistics.ts and shared/quality.ts draw the same numbers.

Percentile bootstrap (Efron and Tibshirani 1993, chapter 13), with mulberry32 as the generator. Sums are taken in the order
of the draws, as a loop takes them, so that both sides agree to the last bit.
"""

import math

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 1
WORD = np.uint64(0xFFFFFFFF)


def mulberry32(seed: int, count: int) -> np.ndarray:
    """float64 [count], uniform in [0, 1): the first numbers of Tommy Ettinger's generator."""
    state = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x6D2B79F5) + np.uint64(seed & 0xFFFFFFFF)) & WORD
    t = (state ^ (state >> np.uint64(15))) * (state | np.uint64(1)) & WORD
    t ^= (t + ((t ^ (t >> np.uint64(7))) * (t | np.uint64(61)) & WORD)) & WORD
    return ((t ^ (t >> np.uint64(14))) & WORD).astype(np.float64) / 4294967296


def resampled_means(samples: np.ndarray, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """float64 [k, n], each row one list of samples -> [k, resamples]; every row is resampled with the same draws."""
    count = samples.shape[1]
    drawn = np.floor(mulberry32(seed, resamples * count).reshape(resamples, count) * count).astype(np.int64)
    # cumsum adds one after the other; numpy's mean would add in pairs and end in other last bits.
    return np.stack([np.cumsum(row[drawn], axis=1)[:, -1] / count for row in samples])


def interval(values: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The central share of resampled values, by nearest rank."""
    tail = (1 - confidence) / 2
    return quantile(values, tail), quantile(values, 1 - tail)


def quantile(values: np.ndarray, share: float) -> float:
    """Nearest rank, as shared/statistics.ts takes it."""
    return float(np.sort(values)[max(0, math.ceil(share * len(values)) - 1)])


def mean_interval(samples: list[float], resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    return interval(resampled_means(np.array([samples], dtype=np.float64), resamples, seed)[0])


def mean_in_order(samples: list[float]) -> float:
    """The mean as a loop takes it (Python's sum compensates, numpy's adds in pairs)."""
    return float(np.cumsum(np.array(samples, dtype=np.float64))[-1]) / len(samples)
