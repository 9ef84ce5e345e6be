"""The one style of all figures: colours that colour-blind people can tell apart, sizes, and saving as the same bytes.

Every module of this room that draws takes its colours and marks from here, the page's style sheet included.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import KDTree

from chronoslide.scenes.channels import WAVELENGTHS

# Okabe & Ito (2008), "Color Universal Design".
WHITE: Final = "#FFFFFF"
BLACK: Final = "#000000"
ORANGE: Final = "#E69F00"
SKY_BLUE: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#767676"

MANUAL: Final = YELLOW
PREDICTED: Final = SKY_BLUE
ERROR_COLOURS: Final[Mapping[str, str]] = {"TP": YELLOW, "FP": VERMILION, "FN": SKY_BLUE}
PROBABILITY_COLOURS: Final = "inferno"


def in_spectral_order(bands: Iterable[str]) -> list[str]:
    """Bands by their wavelength, then those of unknown name by the alphabet; JSON keeps no order of its own."""
    return sorted(bands, key=lambda band: (WAVELENGTHS.get(band, math.inf), band))


@dataclass(frozen=True, slots=True)
class Look:
    """How a model is drawn and called in every figure and table.

    Attributes:
        label: Its name for the reader.
        colour: Of its lines and marks.
        marker: Of its points, so that colour is never the only sign.
        line: Line style.
    """

    label: str
    colour: str
    marker: str
    line: str


LOOKS: Final[Mapping[str, Look]] = {
    "transferred": Look("transferred", BLUE, "o", "-"),
    "from_scratch": Look("from scratch", ORANGE, "s", "--"),
    "pretrained": Look("pretrained", GREEN, "^", "-."),
    "ndvi_threshold": Look("NDVI threshold (baseline)", BLACK, "x", ":"),
}
_OTHERS = (PURPLE, VERMILION, GREY, SKY_BLUE)


def look_of(model: str) -> Look:
    """The look of a model; one that is not among the four gets a colour by its name, always the same."""
    if model in LOOKS:
        return LOOKS[model]
    return Look(model.replace("_", " "), _OTHERS[sum(model.encode()) % len(_OTHERS)], "D", "-")


_SETTINGS: Final[Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the bytes do not depend on the machine's fonts
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "figure.dpi": 100.0,
    "savefig.dpi": 100.0,
    "svg.fonttype": "path",  # the letters travel with the file
    "svg.hashsalt": "chronoslide",
    "hatch.linewidth": 0.6,
    "hatch.color": "#555555",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draws everything inside the block in the style of the house, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure that belongs to no window."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure, *, dpi: float = 100.0, colours: int = 256, photograph: bool = False) -> bytes:
    """A figure as a PNG with a palette, the same bytes for the same figure.

    Args:
        figure: The figure.
        dpi: Pixels per inch.
        colours: Length of the palette; fewer make a smaller file.
        photograph: Whether it shows a scene, whose palette is worth a longer search.
    """
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=dpi, metadata={"Software": None}, facecolor="white")
    small = io.BytesIO()
    _with_palette(Image.open(raw).convert("RGB"), colours, photograph=photograph).save(
        small, format="PNG", optimize=True
    )
    return small.getvalue()


def _with_palette(picture: Image.Image, colours: int, *, photograph: bool) -> Image.Image:
    """Quantises a picture. The colours that carry meaning are kept exactly, however few pixels have them."""
    kept = [_rgb(name) for name in (WHITE, BLACK, GREY, ORANGE, SKY_BLUE, GREEN, YELLOW, BLUE, VERMILION, PURPLE)]
    # Every third pixel tells as much of a scene's colours as all of them, in a ninth of the time.
    sample = Image.fromarray(np.ascontiguousarray(np.asarray(picture)[::3, ::3])) if photograph else picture
    wanted = colours - len(kept)
    found = sample.quantize(wanted, Image.Quantize.MEDIANCUT, kmeans=int(photograph)).getpalette() or []
    palette = np.array([*kept, *zip(found[::3], found[1::3], found[2::3], strict=True)][:colours])
    # Pillow's own search for the nearest colour is approximate and would tint a white page.
    channels = np.asarray(picture).astype(np.uint32)
    packed = channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]
    different, places = np.unique(packed, return_inverse=True)
    colours_there = np.stack([different >> 16, different >> 8 & 255, different & 255], axis=-1)
    nearest = KDTree(palette).query(colours_there)[1].astype(np.uint8)
    indexed = Image.fromarray(nearest[places].reshape(picture.height, picture.width))
    indexed.putpalette([int(part) for part in palette.ravel()])
    return indexed


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def svg_text(figure: Figure) -> str:
    """A figure as SVG with its letters as outlines, without date or version."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def png_and_svg(figure: Figure) -> tuple[bytes, str]:
    """A chart in both forms; it is laid out once, which takes longer than drawing it."""
    png = png_bytes(figure)
    figure.set_layout_engine(None)
    return png, svg_text(figure)
