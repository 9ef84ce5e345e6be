"""From a year's rasters and polygons to the layers of the page's map: pictures as data URIs, outlines as short lists.

Between the results and the page. Coordinates are metres from the lower left corner of the grid, x to the east and y to
the north, so that the page needs no projection and its scale bar is right.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.labels import rasterise
from chronoslide.reporting import pictures
from chronoslide.reporting.results_reader import YearResults

HIT_SHARE: Final = 0.1
"""Two landslides hit each other when their overlap is at least this share of the smaller one."""


@dataclass(frozen=True)
class MapYear:
    """The layers of one year.

    Attributes:
        images: A data URI for each of `true`, `false`, `probability`, `errors` and `unobserved` that there is.
        shapes: A list of records for each of `manual`, `predicted` and `states` that there is.
    """

    images: Mapping[str, str]
    shapes: Mapping[str, Sequence[Mapping[str, Any]]]


def map_year(results: YearResults, composites: Mapping[str, NDArray[np.uint8]]) -> MapYear:
    """Makes all layers of a year that its results allow.

    Args:
        results: Of the year.
        composites: (rows, cols, 3) of 0-255 for `true` and `false`; a missing one makes no layer.
    """
    scene = results.scene
    images = {
        name: data_uri(pictures.photograph(composite, 82), "image/webp") for name, composite in composites.items()
    }
    if results.probability is not None:
        levels = pictures.probability_levels(results.probability)
        images["probability"] = _class_picture(levels, pictures.probability_palette())
    if results.labels is not None and results.predicted is not None:
        burnt = rasterise(
            results.predicted, scene.grid, np.ones(scene.grid.shape, dtype=bool), all_touched=False,
            what=f"the predicted inventory of {results.year}",
        )  # fmt: skip
        images["errors"] = _class_picture(
            pictures.errors(results.labels, (burnt == 1) & scene.valid), pictures.error_palette()
        )
    if not scene.valid.all():
        images["unobserved"] = _class_picture(
            pictures.unobserved_classes(scene.valid), [(0, 0, 0, 0), (205, 205, 205, 255), (85, 85, 85, 255)]
        )
    shapes: dict[str, list[dict[str, Any]]] = {}
    if results.manual is not None:
        shapes["manual"] = shape_records(results.manual, scene.grid, results.predicted)
    if results.predicted is not None:
        known = results.predicted if results.tracked is None else with_lives(results.predicted, results.tracked)
        shapes["predicted"] = shape_records(known, scene.grid, results.manual)
    if results.tracked is not None:
        shapes["states"] = shape_records(results.tracked, scene.grid, None)
    return MapYear(images, shapes)


def shape_records(inventory: gpd.GeoDataFrame, grid: Grid, other: gpd.GeoDataFrame | None) -> list[dict[str, Any]]:
    """Each landslide as a record: id, area [m2], what is known of it, the ids in `other` that it hits, its outline.

    Args:
        inventory: Polygons in the grid's CRS.
        grid: Gives the origin of the coordinates.
        other: The inventory to compare with, or None.
    """
    left, bottom, _, _ = grid.bounds
    geometry = inventory.geometry.to_numpy()
    hits = hits_of(inventory, other) if other is not None else None
    records = []
    for place, identity in enumerate(ids_of(inventory)):
        row = inventory.iloc[place]
        record: dict[str, Any] = {
            "id": identity,
            "area": round(float(shapely.area(geometry[place])), 1),
            "parts": [_rings(part, left, bottom) for part in shapely.get_parts(geometry[place])],
        }
        if hits is not None:
            record["hits"] = hits[place]
        probability = row.get("mean_probability")
        if probability is not None and np.isfinite(probability):
            record["probability"] = round(float(probability), 3)
        for name in ("state", "first_seen", "last_seen", "tracked"):
            if name in inventory and pd.notna(row[name]):
                record[name] = row[name] if isinstance(row[name], str) else int(row[name])
        records.append(record)
    return records


def with_lives(predicted: gpd.GeoDataFrame, tracked: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A year's predicted inventory with what tracking made of each polygon: identity (`tracked`), state, first year.

    Args:
        predicted: The inventory of the year.
        tracked: The year's stock, whose `polygon_id` names the polygons of the inventory.
    """
    if "polygon_id" not in tracked:
        return predicted
    lives = tracked.assign(tracked=tracked["landslide_id"], polygon_id=tracked["polygon_id"].astype(str))
    lives = pd.DataFrame(lives[["polygon_id", "tracked", "state", "first_seen"]]).drop_duplicates("polygon_id")
    names = [str(identity) for identity in ids_of(predicted)]
    found = lives.set_index("polygon_id").reindex(names)
    return predicted.assign(**{str(name): found[name].to_numpy() for name in found})


def ids_of(inventory: gpd.GeoDataFrame) -> list[int]:
    """The ids of the landslides: the column `landslide_id`, or 1, 2, ... where there is none."""
    if "landslide_id" in inventory:
        return [int(value) for value in inventory["landslide_id"]]
    return list(range(1, len(inventory) + 1))


def hits_of(inventory: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> list[list[int]]:
    """For each landslide the ids of those in `other` that it hits."""
    mine, theirs = inventory.geometry.to_numpy(), other.geometry.to_numpy()
    names = ids_of(other)
    found: list[list[int]] = [[] for _ in mine]
    if len(mine) and len(theirs):
        for first, second in shapely.STRtree(theirs).query(mine, predicate="intersects").T:
            smaller = min(shapely.area(mine[first]), shapely.area(theirs[second]))
            if shapely.area(shapely.intersection(mine[first], theirs[second])) >= HIT_SHARE * smaller:
                found[first].append(names[second])
    return [sorted(ids) for ids in found]


def quick_look(picture: NDArray[np.uint8], width: int = 320) -> str:
    """A small picture of a scene as a data URI."""
    step = max(1, picture.shape[1] // width)
    rows, cols = (length // step * step for length in picture.shape[:2])
    small = picture[:rows, :cols].reshape(rows // step, step, cols // step, step, 3).mean(axis=(1, 3))
    return data_uri(pictures.photograph(np.rint(small).astype(np.uint8), 78), "image/webp")


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as text that a page can carry."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _class_picture(classes: NDArray[np.uint8], palette: list[tuple[int, int, int, int]]) -> str:
    return data_uri(pictures.indexed_png(classes, palette), "image/png")


def _rings(polygon: shapely.Polygon, left: float, bottom: float) -> list[list[float]]:
    return [
        [round(float(value), 1) for value in (shapely.get_coordinates(ring)[:-1] - (left, bottom)).ravel()]
        for ring in shapely.get_rings(polygon)
    ]
