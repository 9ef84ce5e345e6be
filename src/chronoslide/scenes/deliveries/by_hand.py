"""Any raster that GDAL reads with all bands in one file: what it does not say itself is guessed, and said to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chronoslide.scenes.deliveries.found import Found, Recognised
from chronoslide.scenes.deliveries.metadata_reading import date_in

_RASTERS = (".tif", ".tiff", ".jp2", ".img")


def recognise(files: Sequence[Path]) -> Recognised:
    """Takes every raster for a scene; what bands it has is seen when it is opened."""
    scenes = [_scene(path) for path in files if path.suffix.lower() in _RASTERS]
    return Recognised(tuple(scenes), frozenset(found.name for found in scenes))


def _scene(path: Path) -> Found:
    date, date_from = date_in(path.name), "in the file's name"
    if date is None:
        date, date_from = date_in(path.parent.name), "in the folder's name"
    return Found(
        provider="a raster",
        sensor="",
        label=path.stem,
        bands=(),
        bands_from="",
        scene=path,
        date=date,
        date_from=date_from if date else "",
        notes=(f"{path.name}: no mask is delivered; clouds stay in",),
    )
