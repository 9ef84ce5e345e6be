"""Manual inventories as people keep them: a file a year, a layer a year, or one file with a column of years.

Ground floor: the data's description names them, and labels, figures and reports read them through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
from pyogrio.errors import DataSourceError

from chronoslide.dataset import InventoryFile
from chronoslide.errors import DataError, InventoryError, nearest
from chronoslide.vectors import read_polygons, repair_polygons

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_YEAR_COLUMN = re.compile(r"(?:.*_)?(?:year|yr|jahr|annee)(?:_.*)?|date|(?:.*_)date", re.IGNORECASE)


def file_of(inventory: Path | InventoryFile) -> Path:
    """The file of a described inventory."""
    return inventory.file if isinstance(inventory, InventoryFile) else inventory


def read_inventory(data: Path, inventory: Path | InventoryFile, year: int) -> gpd.GeoDataFrame:
    """Reads the polygons of one year.

    Args:
        data: The folder of the description.
        inventory: As described there.
        year: Which polygons, where the file has several years.

    Returns:
        The polygons as delivered, in the file's coordinate reference system and with its row numbers as index.

    Raises:
        DataError: The file is missing or broken, or has no such layer or column.
        InventoryError: A polygon's year cannot be told.
    """
    if isinstance(inventory, Path):
        return read_polygons(data / inventory)
    path = data / inventory.file
    frame = read_polygons(path, inventory.layer)
    if inventory.year_column is None:
        return frame
    return frame[_years(frame, inventory.year_column, path) == year]


@dataclass(frozen=True, slots=True)
class FoundInventories:
    """A vector file as inventories of years.

    Attributes:
        path: The file.
        crs: Its coordinate reference system, by name.
        years: How to describe each year's part: the layer and column, as far as they are needed.
        polygons: Number of polygons of each year.
        repaired: Polygons that have to be repaired.
        dropped: Polygons without an area.
        how: How the years are known.
    """

    path: Path
    crs: str
    years: Mapping[int, tuple[str | None, str | None]]
    polygons: Mapping[int, int]
    repaired: int
    dropped: int
    how: str


def find_inventories(path: Path) -> FoundInventories:
    """Finds out which years a vector file holds: by its layers, by a column, or by its name.

    Raises:
        DataError: It is broken or has no coordinate reference system.
        InventoryError: It holds no polygons, or no year can be told.
    """
    layers = _layers(path)
    yearly = {int(match[0]): layer for layer in layers if len(match := _YEAR.findall(layer)) == 1}
    years: dict[int, tuple[str | None, str | None]] = {}
    parts: dict[int, gpd.GeoDataFrame] = {}
    if len(layers) > 1 and len(yearly) == len(layers):
        how = "a layer a year"
        for year, layer in sorted(yearly.items()):
            years[year], parts[year] = (layer, None), read_polygons(path, layer)
    else:
        frame = read_polygons(path)
        column = _column_of_years(frame)
        if column is not None:
            how = f"the column {column!r}"
            of_row = _years(frame, column, path)
            for year in sorted({int(year) for year in of_row}):
                years[year], parts[year] = (None, column), frame[of_row == year]
        else:
            how = "the file's name"
            named = _YEAR.findall(path.stem) or sorted(map(str, yearly))
            if not named:
                raise InventoryError(
                    f"{path}: neither its name nor a column tells the year; call it for example "
                    f"{path.stem}_2016{path.suffix}"
                )
            years[int(named[-1])], parts[int(named[-1])] = (None, None), frame
    repairs = [repair_polygons(part, str(path)) for part in parts.values()]
    sample = next(iter(parts.values()))
    code = sample.crs.to_epsg()
    return FoundInventories(
        path=path,
        crs=f"EPSG:{code}" if code else str(sample.crs.name),
        years=years,
        polygons={year: len(part) for year, part in parts.items()},
        repaired=sum(len(repair.repaired) for repair in repairs),
        dropped=sum(len(repair.dropped) for repair in repairs),
        how=how,
    )


def _layers(path: Path) -> list[str]:
    try:
        return [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except DataSourceError:
        return []  # read_polygons says what is wrong with the file


def _column_of_years(frame: gpd.GeoDataFrame) -> str | None:
    """The column that holds a year or date for every polygon, if its name says so."""
    for column in frame.columns:
        if column == frame.geometry.name or not _YEAR_COLUMN.fullmatch(str(column)) or frame.empty:
            continue
        years = _as_years(frame[column])
        if years.notna().all() and ((years >= 1800) & (years < 2100) & (years % 1 == 0)).all():
            return str(column)
    return None


def _years(frame: gpd.GeoDataFrame, column: str, path: Path) -> pd.Series:
    if column not in frame:
        known = [str(name) for name in frame.columns if name != frame.geometry.name]
        raise DataError(f"{path}: no column {column!r}{nearest(column, known)}; it has {', '.join(known)}")
    years = _as_years(frame[column])
    wrong = years.isna() | (years % 1 != 0)
    if wrong.any():
        raise InventoryError(
            f"{path}: feature {years.index[wrong][0]} has no year in column {column!r} "
            f"({frame[column][wrong].iloc[0]}); fill it in or remove the feature"
        )
    return years


def _as_years(values: pd.Series) -> pd.Series:
    """A year for each value: numbers, text of digits, dates; NaN where there is none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.Series(values.dt.year)
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all() or not pd.api.types.is_string_dtype(values):
        return numbers
    return pd.to_numeric(
        values.astype(str).str.extract(r"^((?:1[89]|20)\d\d)-\d\d-\d\d", expand=False), errors="coerce"
    )
