"""A plain folder with a file a band: `B2.tif`, `B3.tif`, ... or `blue.tif`, `scene_20161104_red.tif`.

Numbers mean what they mean to the satellites that number their bands so; which satellite it was is guessed from the
size of the pixels, and said to be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chronoslide.scenes.deliveries import sentinel2
from chronoslide.scenes.deliveries.found import Found, Recognised
from chronoslide.scenes.deliveries.metadata_reading import date_in

_NAMES: Final = {
    "coastal_blue": "coastal_blue", "coastal": "coastal", "blue": "blue", "green": "green", "yellow": "yellow",
    "red": "red", "rededge": "red_edge", "red_edge": "red_edge", "nir": "nir", "swir1": "swir_1", "swir2": "swir_2",
    "swir_1": "swir_1", "swir_2": "swir_2", "swir16": "swir_1", "swir22": "swir_2",
}  # fmt: skip
ORDER: Final = (
    "coastal_blue", "coastal", "blue", "green", "yellow", "red", "red_edge", "red_edge_2", "red_edge_3", "nir",
    "narrow_nir", "swir_1", "swir_2",
)  # fmt: skip
_LANDSAT_8: Final = {1: "coastal", 2: "blue", 3: "green", 4: "red", 5: "nir", 6: "swir_1", 7: "swir_2"}
_NUMBER = re.compile(r"(?P<rest>.*?)(?:^|_)(?:SR_)?B(?:and_?)?0?(?P<number>8A|\d{1,2})", re.IGNORECASE)
_NAME = re.compile(rf"(?P<rest>.*?)(?:^|_)(?P<name>{'|'.join(sorted(_NAMES, key=len, reverse=True))})", re.IGNORECASE)
_RASTERS = (".tif", ".tiff", ".jp2", ".img")


def recognise(files: Sequence[Path]) -> Recognised:
    """Finds folders (and, in them, names that differ only in the band) with at least two files a band."""
    groups: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in files:
        if path.suffix.lower() not in _RASTERS:
            continue
        match = _NUMBER.fullmatch(path.stem) or _NAME.fullmatch(path.stem)
        if match is not None:
            name = match.groupdict().get("name") or f"#{match['number'].upper()}"
            groups.setdefault((path.parent, match["rest"]), {})[name] = path
    scenes: list[Found] = []
    taken: set[Path] = set()
    for (folder, rest), by_name in sorted(groups.items()):
        if len(by_name) < 2:
            continue
        taken |= set(by_name.values())
        scenes.append(_scene(folder, rest, by_name))
    return Recognised(tuple(scenes), frozenset(taken))


def _scene(folder: Path, rest: str, by_name: dict[str, Path]) -> Found:
    numbered = [name for name in by_name if name.startswith("#")]
    landsat = bool(re.match(r"L[CEOT]0?[4-9]", rest, re.IGNORECASE))
    chosen: dict[str, Path] = {}
    notes: list[str] = []
    for name, path in by_name.items():
        if name.startswith("#"):
            text = name[1:]
            esa = "B8A" if text == "8A" else f"B{int(text):02d}"
            band = _LANDSAT_8.get(int(text)) if landsat and text != "8A" else sentinel2.BANDS.get(esa)
        else:
            band = _NAMES[name.lower()]
        if band is not None:
            chosen[band] = path
    problem = None
    if numbered and landsat and not re.match(r"L[CO]0?[89]", rest, re.IGNORECASE):
        problem = f"{folder}: bands of Landsat 4 to 7 are numbered otherwise; name the files blue.tif, green.tif, ..."
    sensor, how = "unknown", "the files' names"
    if numbered and landsat:
        sensor, how = "Landsat 8/9", "Landsat 8's numbers"
    elif numbered:
        sensor, how = "Sentinel-2 (guess)", "the numbers, as Sentinel-2 has them (a guess)"
        notes.append(
            f"{folder}: nothing says whether values carry the radiometric offset of Sentinel-2's baseline 04.00; taken "
            "as none, state --offset -1000 if they do"
        )
    ordered: dict[str, Path] = {band: chosen[band] for band in ORDER if band in chosen}
    date, date_from = date_in(next(iter(by_name.values())).name), "in the files' names"
    if date is None:
        date, date_from = date_in(folder.name), "in the folder's name"
    notes.append(f"{folder}: no mask is delivered; clouds stay in")
    return Found(
        provider="a folder with a file a band",
        sensor=sensor,
        label=rest.strip("_") or folder.name,
        bands=tuple(ordered),
        bands_from=how,
        band_files=ordered,
        date=date,
        date_from=date_from if date else "",
        notes=tuple(notes),
        problem=problem,
    )
