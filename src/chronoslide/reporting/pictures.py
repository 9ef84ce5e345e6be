"""From rasters to pictures: scenes in true and false colour, labels, errors and probabilities as coloured arrays.

Between the results and what shows them, figures and page alike. All years share one stretch, taken from the reference
year, so that a year that looks hazy in the report is hazy in the data.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.reporting.style import ERROR_COLOURS, PROBABILITY_COLOURS

TRUE_COLOUR: Final = ("red", "green", "blue")
FALSE_COLOUR: Final = ("nir", "red", "green")
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1, 2, 3
_GAMMA: Final = 1.4  # forest and shadow are dark; this opens them without burning debris
_UNSEEN: Final = (205, 205, 205)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Reflectance that becomes black and white, per band.

    Attributes:
        bands: Names, in the order of red, green and blue on the screen.
        low: Reflectance of black.
        high: Reflectance of white.
    """

    bands: tuple[str, str, str]
    low: tuple[float, float, float]
    high: tuple[float, float, float]


def stretch_of(
    values: NDArray[Any], valid: NDArray[np.bool_], bands: Sequence[str], wanted: tuple[str, str, str]
) -> Stretch:
    """The stretch between the 1st and the 99.5th percentile of each band over the observed pixels.

    Args:
        values: (rows, cols, bands), 10,000 x reflectance.
        valid: (rows, cols).
        bands: Names of the bands.
        wanted: The bands of the composite.
    """
    limits = []
    for name in wanted:
        seen = values[..., list(bands).index(name)][valid]
        limits.append(np.percentile(seen, [1.0, 99.5]) / 10_000 if seen.size else np.array([0.0, 1.0]))
    low, high = (tuple(float(limit[side]) for limit in limits) for side in (0, 1))
    return Stretch(wanted, low, high)  # type: ignore[arg-type]


def composite(
    values: NDArray[Any], valid: NDArray[np.bool_], bands: Sequence[str], stretch: Stretch
) -> NDArray[np.uint8]:
    """A scene as (rows, cols, 3) of 0-255; unobserved pixels are light grey."""
    picture = np.empty((*valid.shape, 3), dtype=np.uint8)
    for channel, name in enumerate(stretch.bands):
        low, high = stretch.low[channel], stretch.high[channel]
        scaled = (values[..., list(bands).index(name)] / np.float32(10_000) - low) / max(high - low, 1e-6)
        picture[..., channel] = np.rint(np.clip(scaled, 0, 1) ** (1 / _GAMMA) * 255)
    picture[~valid] = _UNSEEN
    return picture


def errors(labels: NDArray[np.uint8], predicted: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What each pixel of a map is: 0 nothing, or TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE.

    Args:
        labels: (rows, cols) of the manual inventory; unobserved pixels are neither right nor wrong.
        predicted: (rows, cols), True on predicted landslides.
    """
    kinds = np.zeros(labels.shape, dtype=np.uint8)
    kinds[(labels == LANDSLIDE) & predicted] = TRUE_POSITIVE
    kinds[(labels != LANDSLIDE) & (labels != UNOBSERVED) & predicted] = FALSE_POSITIVE
    kinds[(labels == LANDSLIDE) & ~predicted] = FALSE_NEGATIVE
    return kinds


def indexed_png(classes: NDArray[np.uint8], colours: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Classes 0, 1, ... as a PNG with a palette of (red, green, blue, opacity)."""
    picture = Image.fromarray(classes)
    picture.putpalette([value for colour in colours for value in colour[:3]])
    stored = io.BytesIO()
    picture.save(stored, format="PNG", optimize=True, transparency=bytes(colour[3] for colour in colours))
    return stored.getvalue()


def photograph(picture: NDArray[np.uint8], quality: int = 80, kind: Literal["WEBP", "JPEG"] = "WEBP") -> bytes:
    """(rows, cols, 3) as a lossy picture for the page."""
    stored = io.BytesIO()
    options = {"method": 4} if kind == "WEBP" else {"optimize": True}
    Image.fromarray(picture).save(stored, format=kind, quality=quality, **options)
    return stored.getvalue()


def rgba(colour: str, opacity: float = 1.0) -> tuple[int, int, int, int]:
    """A colour name or #RRGGBB as four numbers of 0-255."""
    red, green, blue = (round(255 * part) for part in mpl.colors.to_rgb(colour))
    return red, green, blue, round(255 * opacity)


def error_palette() -> list[tuple[int, int, int, int]]:
    """The colours of `errors`."""
    return [(0, 0, 0, 0), *(rgba(ERROR_COLOURS[kind], 0.85) for kind in ("TP", "FP", "FN"))]


PROBABILITY_LEVELS: Final = 24


def probability_levels(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Probabilities as levels: 0 below 0.02 and unobserved, then 1 to PROBABILITY_LEVELS."""
    known = np.nan_to_num(probability, nan=0.0)
    levels = np.ceil(np.clip(known, 0, 1) * PROBABILITY_LEVELS).astype(np.uint8)
    levels[known < 0.02] = 0
    return levels


def probability_palette() -> list[tuple[int, int, int, int]]:
    """The colours of `probability_levels`: low probabilities are nearly transparent."""
    ramp = mpl.colormaps[PROBABILITY_COLOURS]
    shares = (np.arange(1, PROBABILITY_LEVELS + 1) - 0.5) / PROBABILITY_LEVELS
    colours = [rgba(mpl.colors.to_hex(ramp(0.15 + 0.85 * share)), min(1.0, 0.25 + share)) for share in shares]
    return [(0, 0, 0, 0), *colours]


def unobserved_classes(valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Diagonal stripes (2) on a ground (1) where nothing was observed, 0 elsewhere: readable without colour."""
    rows, cols = np.indices(valid.shape)
    stripes = np.where((rows + cols) % 12 < 4, 2, 1).astype(np.uint8)
    stripes[valid] = 0
    return stripes
