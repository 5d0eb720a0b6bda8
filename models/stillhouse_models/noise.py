"""Noise exactly as `torch.randn` draws it on the CPU, with numpy alone.

ATen's algorithm: MT19937 gives 32-bit words, the low 24 bits of which are a uniform number. From 16 values on, the
values are drawn first and then turned into normal ones by Box-Muller in blocks of 16, pairing j with j + 8; when the
count is no multiple of 16, the last 16 are drawn again. Below 16, each pair of doubles (53 bits) gives two values.
"""

import numpy as np

BLOCK = 16


def _words(seed: int, count: int) -> np.ndarray:
    """The first `count` 32-bit outputs of MT19937 seeded the way torch (and C++) seeds it."""
    generator = np.random.MT19937()
    state = np.empty(624, dtype=np.uint32)
    state[0] = seed & 0xFFFFFFFF
    for i in range(1, 624):
        previous = int(state[i - 1])
        state[i] = (1812433253 * (previous ^ (previous >> 30)) + i) & 0xFFFFFFFF
    generator.state = {"bit_generator": "MT19937", "state": {"key": state, "pos": 624}}
    return generator.random_raw(count).astype(np.uint64)


def _box_muller(uniform: np.ndarray) -> np.ndarray:
    """float32 [blocks, 16] of uniform numbers -> normal ones, as ATen's normal_fill_16 does."""
    radius_from, angle_from = np.float32(1) - uniform[:, :8], uniform[:, 8:]
    radius = np.sqrt(np.float32(-2) * np.log(radius_from))
    angle = np.float32(2.0 * np.pi) * angle_from
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def randn(seed: int, count: int) -> np.ndarray:
    """float32 [count], equal to `torch.randn(count, generator=torch.Generator().manual_seed(seed))` but for rounding."""
    if count < BLOCK:
        return _few(seed, count)
    extra = BLOCK if count % BLOCK else 0
    uniform = (_words(seed, count + extra) & 0xFFFFFF).astype(np.float32) / np.float32(1 << 24)
    whole = count - count % BLOCK
    normal = np.empty(count, dtype=np.float32)
    normal[:whole] = _box_muller(uniform[:whole].reshape(-1, BLOCK)).ravel()
    if extra:
        normal[-BLOCK:] = _box_muller(uniform[count:].reshape(1, BLOCK)).ravel()
    return normal


def _few(seed: int, count: int) -> np.ndarray:
    pairs = -(-count // 2)
    words = _words(seed, 4 * pairs).reshape(-1, 2)
    doubles = ((words[:, 0] << np.uint64(32) | words[:, 1]) & np.uint64((1 << 53) - 1)).astype(np.float64) / (1 << 53)
    first, second = doubles[0::2], doubles[1::2]
    radius = np.sqrt(-2 * np.log1p(-second))
    angle = 2 * np.pi * first
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[:count].astype(np.float32)
