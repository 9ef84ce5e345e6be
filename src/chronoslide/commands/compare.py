"""`chronoslide compare MANUAL PREDICTED`: how well one inventory agrees with another, whoever made them."""

from __future__ import annotations

from pathlib import Path

import shapely

from chronoslide.commands.settings import own_settings
from chronoslide.files import json_text, rounded, write_json
from chronoslide.inventories.comparison.comparing import compare_inventories
from chronoslide.vectors import read_polygons


def run(root: Path, manual: Path, predicted: Path, area: Path | None = None, output: Path | None = None) -> None:
    """Prints the comparison as JSON, or writes it to `output`.

    Args:
        root: Where `params.yaml` is, if there is one.
        manual: The reference; a vector file in metres.
        predicted: The inventory that is judged; the same coordinate reference system.
        area: Ground that both mapped; without it they are compared as they are.
        output: A JSON file.

    Raises:
        ChronoslideError: A file is missing, not polygons, or in another coordinate reference system.
    """
    reference, judged = read_polygons(manual), read_polygons(predicted)
    valid_area = area_of(area, reference.crs) if area else None
    comparison = compare_inventories(reference, judged, valid_area, own_settings(root).evaluate.compare)
    result = rounded(comparison.as_dict())
    if output is None:
        print(json_text(result), end="")
    else:
        write_json(output, result)
        print(f"The comparison: {output}")


def area_of(path: Path, crs: object) -> shapely.Geometry:
    """The polygons of an area of interest, as one geometry in a coordinate reference system."""
    return read_polygons(path).to_crs(crs).union_all()
