"""`chronoslide statistics INVENTORY --area AREA`: numbers, densities, sizes, magnitude and volume of an inventory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely

from chronoslide.commands.compare import area_of
from chronoslide.commands.settings import own_settings
from chronoslide.files import json_text, rounded, write_json
from chronoslide.grid import Grid, require_metric
from chronoslide.inventories.statistics.densities import measure_densities
from chronoslide.inventories.statistics.size_statistics import measure_sizes
from chronoslide.inventories.statistics.summary import summarise_outlines
from chronoslide.inventories.usable import usable
from chronoslide.vectors import read_polygons


def run(root: Path, inventory: Path, area: Path | None = None, output: Path | None = None) -> None:
    """Prints the statistics as JSON, or writes them to `output`.

    Args:
        root: Where `params.yaml` is, if there is one.
        inventory: A vector file in metres.
        area: The area that was mapped; without it, densities are left out.
        output: A JSON file.

    Raises:
        ChronoslideError: A file is missing or holds no polygons, or is not in metres.
    """
    own = own_settings(root)
    frame = read_polygons(inventory)
    require_metric(frame.crs, str(inventory))
    ground = area_of(area, frame.crs) if area else None
    outlines = usable(frame, str(inventory), ground).outlines
    areas = np.asarray(shapely.area(outlines), dtype=np.float64)
    statistics = own.evaluate.statistics
    result = {
        "summary": summarise_outlines(outlines).as_dict(),
        "sizes": measure_sizes(
            areas, minimum_area_m2=own.minimum_area_m2, seed=own.seed, settings=statistics
        ).as_dict(),
    }
    if ground is not None:
        grid = Grid.from_bounds(ground.bounds, frame.crs, statistics.density_resolution_metres)
        result["densities"] = measure_densities(outlines, ground, grid, what=str(inventory)).as_dict()
    result = rounded(result)
    if output is None:
        print(json_text(result), end="")
    else:
        write_json(output, result)
        print(f"The statistics: {output}")
