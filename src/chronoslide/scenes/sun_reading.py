"""Where the sun stood, out of the metadata that come with a scene: a JSON item or an XML file of the provider."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from chronoslide.errors import DataError
from chronoslide.scenes.terrain import Sun

# By what names the angles go: our simulated scenes, Planet's items, STAC, and the elements of Planet's XML.
_ELEVATION: Final = ("sun_elevation_degrees", "sun_elevation", "view:sun_elevation", "illuminationElevationAngle")
_AZIMUTH: Final = ("sun_azimuth_degrees", "sun_azimuth", "view:sun_azimuth", "illuminationAzimuthAngle")
_LARGEST_BYTES: Final = 16 * 1024 * 1024


def read_sun(path: Path) -> Sun | None:
    """Reads the position of the sun.

    Args:
        path: A provider's metadata, JSON or XML; of XML only the two elements are looked for, nothing is resolved.

    Returns:
        None where the file does not tell.

    Raises:
        DataError: The file cannot be read, or its angles are none.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); deliver the file again") from error
    found = _from_json(text) if text.lstrip().startswith("{") else _from_xml(text)
    if found is None:
        return None
    elevation, azimuth = found
    if not (0.0 < elevation <= 90.0 and math.isfinite(azimuth)):
        raise DataError(
            f"{path}: the sun stands {elevation:g} degrees high at azimuth {azimuth:g}; deliver a scene taken by day, "
            "or take its metadata out of the data description"
        )
    return Sun(elevation, azimuth % 360.0)


def _from_json(text: str) -> tuple[float, float] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None  # whether metadata are whole is not asked here
    for mapping in _mappings(content):
        values = [next((mapping[name] for name in names if name in mapping), None) for names in (_ELEVATION, _AZIMUTH)]
        if all(isinstance(value, int | float) for value in values):
            return float(values[0]), float(values[1])  # type: ignore[arg-type]
    return None


def _mappings(content: Any) -> Iterator[Mapping[str, Any]]:
    """The file's object and its `properties`, where items keep them."""
    if isinstance(content, dict):
        yield content
        if isinstance(content.get("properties"), dict):
            yield content["properties"]


def _from_xml(text: str) -> tuple[float, float] | None:
    values = []
    for name in (_ELEVATION[-1], _AZIMUTH[-1]):
        element = re.search(rf"<(?:[\w.-]+:)?{name}(?:\s[^>]*)?>\s*([-+\d.eE]+)\s*<", text)
        if element is None:
            return None
        try:
            values.append(float(element[1]))
        except ValueError:
            return None
    return values[0], values[1]
