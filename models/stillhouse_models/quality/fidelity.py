"""How near a picture is to the teacher's of the same prompt and seed, by its pixels."""

import numpy as np

# Equal pictures have no noise; JSON has no infinity.
HIGHEST_PSNR_DB = 100.0
WINDOW, SIGMA = 11, 1.5
K1, K2, RANGE = 0.01, 0.03, 255.0


def psnr_db(picture: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over all channels; uint8 [h, w, 3] both."""
    mse = float(np.square(picture.astype(np.float64) - wanted.astype(np.float64)).mean())
    return HIGHEST_PSNR_DB if mse == 0 else min(HIGHEST_PSNR_DB, 10 * float(np.log10(RANGE**2 / mse)))


def ssim(picture: np.ndarray, wanted: np.ndarray) -> float:
    """Structural similarity of the luminances, -1..1 (Wang, Bovik, Sheikh, Simoncelli 2004: 11x11 Gaussian, sigma 1.5).

    Windows stay inside the picture; one smaller than a window is compared by the largest odd window that fits.
    """
    x, y = luminance(picture), luminance(wanted)
    taps = _gaussian(min(WINDOW, (min(x.shape) - 1) // 2 * 2 + 1))
    mean_x, mean_y = _blur(x, taps), _blur(y, taps)
    variance_x, variance_y = _blur(x * x, taps) - mean_x**2, _blur(y * y, taps) - mean_y**2
    covariance = _blur(x * y, taps) - mean_x * mean_y
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    over = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    under = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((over / under).mean())


def luminance(picture: np.ndarray) -> np.ndarray:
    """uint8 RGB [h, w, 3] -> float64 [h, w], 0..255 (ITU-R BT.601)."""
    rgb = picture.astype(np.float64)
    return 0.299 * rgb[..., 0] + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2]


def _gaussian(size: int) -> np.ndarray:
    taps = np.exp(-0.5 * (np.arange(size) - (size - 1) / 2) ** 2 / SIGMA**2)
    return np.asarray(taps / taps.sum())


def _blur(values: np.ndarray, taps: np.ndarray) -> np.ndarray:
    rows = np.lib.stride_tricks.sliding_window_view(values, len(taps), axis=0) @ taps
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, len(taps), axis=1) @ taps)
