"""`chronoslide rasterise INVENTORY ...`: inventories made by others as rasters, and back, with the areas kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from chronoslide.errors import InventoryError, SettingsError
from chronoslide.files import write_text
from chronoslide.grid import Grid, require_metric
from chronoslide.inventories.outlines.vectorising import polygonise
from chronoslide.labels import LANDSLIDE, UNOBSERVED, rasterise
from chronoslide.rasters import write_raster
from chronoslide.vectors import read_polygons, repair_polygons, write_geopackage


def run(inventories: Sequence[Path], resolution: float, output: Path) -> None:
    """Writes `<name>.tif`, `<name>.gpkg` and `areas.csv` into `output`, and prints the areas.

    Args:
        inventories: Vector files in a system in metres; each gets a grid of its own.
        resolution: Pixel size [m].
        output: A folder.

    Raises:
        DataError: A file is missing or broken.
        GridError: A file is not in metres.
        InventoryError: A file holds no polygons.
        SettingsError: The resolution is not positive.
    """
    if not resolution > 0:
        raise SettingsError(f"--resolution: must be above 0 metres, got {resolution:g}")
    rows = [_one(path, resolution, output) for path in inventories]
    table = pd.DataFrame(rows)
    write_text(output / "areas.csv", table.to_csv(index=False, lineterminator="\n"))
    print(table.to_string(index=False))
    print(f"Rasters, polygons and areas.csv: {output}")


def _one(path: Path, resolution: float, output: Path) -> dict[str, object]:
    delivered = read_polygons(path)
    require_metric(delivered.crs, str(path))
    repair = repair_polygons(delivered, str(path))
    if repair.polygons.empty:
        raise InventoryError(f"{path}: no polygon with an area; deliver the outlines")
    grid = Grid.from_bounds(tuple(repair.polygons.total_bounds), repair.polygons.crs, resolution)
    everywhere = np.ones(grid.shape, dtype=bool)
    labels = rasterise(repair.polygons, grid, everywhere, all_touched=False, what=str(path))
    back = polygonise(labels == LANDSLIDE, grid)
    write_raster(output / f"{path.stem}.tif", labels, grid, bands=["landslide"], nodata=UNOBSERVED, overviews="nearest")
    write_geopackage(output / f"{path.stem}.gpkg", {"landslides": back})
    # Ground under two polygons is burnt once, so it is measured once, too.
    area = float(shapely.area(repair.polygons.union_all()))
    burnt = float(back["area_m2"].sum())
    return {
        "inventory": path.stem,
        "polygons": len(delivered),
        "repaired": len(repair.repaired),
        "dropped": len(repair.dropped),
        "area_m2": round(area, 1),
        "rasterised_m2": round(burnt, 1),
        "difference_percent": round(100 * (burnt / area - 1), 3),
    }
