"""How different a set's pictures are from each other; shared/artifacts.ts measures the same."""

import numpy as np


def diversity(pictures: np.ndarray) -> float:
    """uint8 [n, h, w, 3] -> the root of the mean squared difference over all pairs, in levels; 0 for fewer than two.

    The mean over pairs is 2 n / (n - 1) times the variance at each value, so that no pair has to be formed.
    """
    count = len(pictures)
    if count < 2:
        return 0.0
    values = pictures.reshape(count, -1).astype(np.float64)
    variance = (np.square(values).sum(axis=0) - values.sum(axis=0) ** 2 / count) / count
    return float(np.sqrt(max(0.0, 2 * count / (count - 1) * float(variance.mean()))))
