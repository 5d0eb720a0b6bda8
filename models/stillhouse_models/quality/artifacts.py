"""What is wrong with a picture, told from its pixels alone; shared/artifacts.ts measures the same.

None of it needs a reference, so devices measure it too. What is much depends on the motif: compare with the teacher's.
"""

from dataclasses import asdict, dataclass

import numpy as np

from stillhouse_models.quality.fidelity import luminance

# A picture with less contrast than this, in levels, shows nothing.
FLAT_LEVELS = 2.0


@dataclass(frozen=True)
class Artifacts:
    """Means over pictures.

    grid: share of the Laplacian's energy at the multiples of 1/period in both directions (0..1): checkerboards, patches.
    seams: mean step across the borders of patches / mean step inside them; 1 where no border shows.
    clipping: share of channel values at 0 or 255.
    sharpness: root mean square of the Laplacian, in levels; low where the picture is blurred.
    flat: 1 for a picture without contrast, so that the mean is the share of such pictures.
    """

    grid: float
    seams: float
    clipping: float
    sharpness: float
    flat: float


def picture_artifacts(picture: np.ndarray, period: int) -> Artifacts:
    """uint8 [h, w, 3], at least 3x3; `period` is the side of a patch in pixels."""
    light = luminance(picture)
    inner = light[1:-1, 1:-1]
    laplacian = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:] - 4 * inner
    energy = float(np.square(laplacian).mean())
    return Artifacts(
        grid=_folded_energy(laplacian, period) / energy if energy > 0 else 0.0,
        seams=_seams(light, period),
        clipping=float(((picture == 0) | (picture == 255)).mean()),
        sharpness=float(np.sqrt(energy)),
        flat=float(light.std() < FLAT_LEVELS),
    )


def mean_artifacts(each: list[Artifacts]) -> dict[str, float]:
    rows = [asdict(artifacts) for artifacts in each]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _folded_energy(values: np.ndarray, period: int) -> float:
    """Energy of the part that repeats every `period` pixels: folding is the Fourier sum at just those frequencies."""
    height, width = values.shape
    # The first inner pixel is pixel 1.
    cell = (np.arange(1, height + 1)[:, None] % period) * period + np.arange(1, width + 1)[None, :] % period
    counts = np.bincount(cell.ravel(), minlength=period**2)
    means = np.bincount(cell.ravel(), weights=values.ravel(), minlength=period**2) / np.maximum(counts, 1)
    per_pixel = (means - values.mean())[cell.ravel()]
    return float(np.square(per_pixel).mean())


def _seams(light: np.ndarray, period: int) -> float:
    """The steps along both axes together, a level added to both means so that an even picture stands at 1."""
    sums, counts = np.zeros(2), np.zeros(2)
    for steps in (np.abs(np.diff(light, axis=1)), np.abs(np.diff(light, axis=0)).T):
        at_border = np.arange(1, steps.shape[1] + 1) % period == 0
        sums += steps[:, at_border].sum(), steps[:, ~at_border].sum()
        counts += steps[:, at_border].size, steps[:, ~at_border].size
    if counts.min() == 0:
        return 1.0
    border, inside = sums / counts
    return float((border + 1) / (inside + 1))
