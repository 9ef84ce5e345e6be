"""Reading yearly inventories from files as people keep them: a file a year, a layer a year, or a column with the year.

The reader of this room: everything after it works on values. Serves `chronoslide track` on anybody's polygons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataSourceError

from chronoslide.errors import DataError, InventoryError, nearest
from chronoslide.vectors import read_polygons, require_own_content

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class YearlyInventories:
    """Inventories as they were delivered.

    Attributes:
        polygons: By year, in the order in which they were named.
        names: What to call each in messages.
    """

    polygons: dict[int, gpd.GeoDataFrame]
    names: dict[int, str]


def read_inventories(paths: Sequence[Path], year_column: str | None = None) -> YearlyInventories:
    """Reads inventories of several years.

    Args:
        paths: A file a year, with the year in its name (`MI_2013.gpkg`, `2014.shp`); or files with a layer a year
            (named by the year); or, with `year_column`, files of one layer.
        year_column: The column that holds the year of each polygon.

    Raises:
        DataError: A file is missing or broken, or has no such column.
        InventoryError: A year is missing from a name, or comes twice.
    """
    result = YearlyInventories({}, {})
    for path in paths:
        if year_column is not None:
            _add_by_column(result, path, year_column)
        elif len(layers := _yearly_layers(path)) > 0:
            for year, layer in layers.items():
                name = f"{path} ({layer})" if len(layers) > 1 else str(path)
                _add(result, year, read_polygons(path, layer), name)
        else:
            _add(result, _year_in(path), read_polygons(path), str(path))
    if not result.polygons:
        raise InventoryError("no inventory was named; name at least one file a year")
    return result


def _add(result: YearlyInventories, year: int, frame: gpd.GeoDataFrame, name: str) -> None:
    if year in result.polygons:
        raise InventoryError(f"{name}: the year {year} is already in {result.names[year]}; name one inventory a year")
    result.polygons[year] = frame
    result.names[year] = name


def _add_by_column(result: YearlyInventories, path: Path, column: str) -> None:
    frame = read_polygons(path)
    if column not in frame:
        known = [str(name) for name in frame.columns if name != frame.geometry.name]
        raise DataError(f"{path}: no column {column!r}{nearest(column, known)}; it has {', '.join(known)}")
    values = frame[column]
    years = values.dt.year if pd.api.types.is_datetime64_any_dtype(values) else pd.to_numeric(values, errors="coerce")
    wrong = years.isna() | (years % 1 != 0)
    if wrong.any():
        raise InventoryError(
            f"{path}: feature {values.index[wrong][0]} has no year in column {column!r} ({values[wrong].iloc[0]!r}); "
            "fill it in or remove the feature"
        )
    for year in sorted({int(year) for year in years}):
        _add(result, year, frame[years == year], f"{path} ({column} {year})")


def _yearly_layers(path: Path) -> dict[int, str]:
    """The layers that are named by a year."""
    try:
        require_own_content(path)
        names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except (DataError, DataSourceError, UnicodeError):
        return {}  # read_polygons says what is wrong with the file
    return {int(name): name for name in names if _YEAR.fullmatch(name)}


def _year_in(path: Path) -> int:
    """The year in a file's name; the last one, if there are several (`inventory_2013_to_2015`: 2015)."""
    years = _YEAR.findall(path.stem)
    if not years:
        raise InventoryError(
            f"{path}: no year in the name; call it for example {path.stem}_2013{path.suffix}, or name the column that "
            "holds the years"
        )
    return int(years[-1])
