"""A STAC API as a provider of Sentinel-2: searching it, and reading the area's windows of its cloud-optimised GeoTIFFs.

pystac-client searches, odc-stac reads. What an item tells is not trusted: only http(s) addresses are opened, and names
that become files are plain.
"""

from __future__ import annotations

import datetime
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import odc.stac
import pystac
import pystac_client
import rasterio.features
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pystac_client.stac_api_io import StacApiIO
from rasterio.crs import CRS
from rasterio.warp import transform_geom
from urllib3.util.retry import Retry

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.scenes.deliveries.masks import SCL_WITHOUT_GROUND
from chronoslide.scenes.deliveries.sentinel2 import BANDS, band_of_asset

_COARSE: Final = 20.0  # [m]; the bands of 10 m are read on the same ground with pixels of half the side
_FINE: Final = frozenset({"blue", "green", "red", "nir"})
_MARGIN: Final = 60.0  # [m] around the area, so that interpolation has neighbours
_MOST_ITEMS: Final = 500
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        seconds: For an answer, each time.
        retries: How often to ask again.
        pause_seconds: Between two attempts; it doubles from one to the next.
    """

    seconds: float = 60.0
    retries: int = 4
    pause_seconds: float = 1.0


def search(
    url: str, collection: str, area: shapely.Geometry, first: datetime.date, last: datetime.date, patience: Patience
) -> list[pystac.Item]:
    """The items of a collection that touch an area within some days, oldest first.

    Args:
        url: Address of the API's landing page.
        collection: Name of the collection.
        area: In degrees.
        first: First day.
        last: Last day.
        patience: How long to wait.

    Raises:
        DataError: The API does not answer, or answers with something else.
    """
    retry = Retry(
        total=patience.retries, backoff_factor=patience.pause_seconds, status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
    )  # fmt: skip
    try:
        io = StacApiIO(timeout=patience.seconds, max_retries=retry)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about conformance classes that are not needed here
            client = pystac_client.Client.open(url, stac_io=io, timeout=patience.seconds)
            found = client.search(
                collections=[collection], intersects=shapely.geometry.mapping(area), max_items=_MOST_ITEMS,
                datetime=(f"{first}T00:00:00Z", f"{last}T23:59:59Z"),
            )  # fmt: skip
            items = list(found.items())
    except Exception as error:  # whatever stands in the answers, the libraries stumble over it in their own ways
        raise DataError(f"{url}: the catalogue cannot be searched ({_first_line(error)}); try again later") from error
    return sorted(filter(_is_sound, items), key=lambda item: (str(item.datetime), item.id))


def _is_sound(item: pystac.Item) -> bool:
    """Whether what an item tells is of the kind that the specification asks for."""
    try:
        footprint = shapely.geometry.shape(item.geometry) if item.geometry else shapely.Point(0, 0)
        json.dumps(plain(item), allow_nan=False)
        return bool(
            _PLAIN.fullmatch(item.id)
            and item.datetime is not None
            and np.isfinite(footprint.bounds).all()
            and all(isinstance(asset.href, str) for asset in item.assets.values())
        )
    except Exception:  # it is of another kind, in whichever way
        return False


def acquisitions(items: Sequence[pystac.Item]) -> dict[datetime.date, list[pystac.Item]]:
    """Items by the day on which they were acquired; of several versions of one tile the last one counts."""
    by_day: dict[datetime.date, dict[str, pystac.Item]] = {}
    for item in items:
        assert item.datetime is not None
        tile = str(item.properties.get("grid:code") or item.properties.get("s2:mgrs_tile") or item.bbox)
        by_day.setdefault(item.datetime.date(), {})[tile] = item
    return {day: list(tiles.values()) for day, tiles in sorted(by_day.items())}


def completeness(items: Sequence[pystac.Item], area: shapely.Geometry) -> float:
    """Share of an area (in degrees) that the footprints of items cover."""
    footprints = [shapely.make_valid(shapely.geometry.shape(item.geometry)) for item in items if item.geometry]
    return float(shapely.union_all(footprints).intersection(area).area / area.area)


def assets_of(item: pystac.Item, bands: Sequence[str]) -> dict[str, str]:
    """The keys of an item's assets for bands and for the classification ("SCL"), by our names.

    Raises:
        DataError: One is missing, or its address is not of the web.
    """
    found: dict[str, str] = {}
    for key, asset in item.assets.items():
        number = band_of_asset(key, asset.to_dict())
        name = "SCL" if number == "SCL" else BANDS.get(number or "")
        if name is not None and name not in found:
            found[name] = key
    for band in (*bands, "SCL"):
        if band not in found:
            raise DataError(f"{item.id}: has no asset for {band}; another acquisition is needed")
        address = item.assets[found[band]].get_absolute_href() or ""
        if not address.startswith(("https://", "http://")):
            raise DataError(f"{item.id}: the address of {band} is not of the web ({address[:60]}); it is not opened")
    return {band: found[band] for band in (*bands, "SCL")}


def covering(item: pystac.Item, area: shapely.Geometry) -> Grid:
    """The item's grid of 20 m pixels over the part of the area (in degrees) that it shows."""
    code = item.properties.get("proj:code") or item.properties.get("proj:epsg")
    try:
        crs = CRS.from_user_input(f"EPSG:{code}" if str(code).isdigit() else code)
    except Exception as error:  # whatever stands there
        raise DataError(f"{item.id}: does not tell its projection ({code!r}); another catalogue is needed") from error
    outline = shapely.geometry.shape(transform_geom("EPSG:4326", crs, shapely.geometry.mapping(area)))
    left, bottom, right, top = outline.buffer(_MARGIN).bounds
    return Grid.from_bounds((left, bottom, right, top), crs, _COARSE)


def cloud_share(items: Sequence[pystac.Item], area: shapely.Geometry, patience: Patience) -> float:
    """Share of an area under clouds, shadow, snow or defects, by the classification of its own pixels.

    Raises:
        DataError: A classification is missing or cannot be read.
    """
    hidden = seen = 0
    for item in items:
        grid = covering(item, area)
        classes = read_window(item, assets_of(item, ())["SCL"], grid, patience)
        outline = shapely.geometry.shape(transform_geom("EPSG:4326", grid.crs, shapely.geometry.mapping(area)))
        inside = rasterio.features.geometry_mask([outline], grid.shape, grid.transform, invert=True) & (classes != 0)
        seen += int(inside.sum())
        hidden += int((inside & np.isin(classes, SCL_WITHOUT_GROUND)).sum())
    return hidden / seen if seen else 1.0


def read_window(item: pystac.Item, key: str, grid: Grid, patience: Patience) -> NDArray[np.generic]:
    """One asset's stored values on a grid; only what lies there is read.

    Returns:
        (rows, cols), 0 where the asset shows nothing.

    Raises:
        DataError: The file cannot be read, after all retries.
    """
    odc.stac.configure_rio(
        cloud_defaults=True, GDAL_HTTP_TIMEOUT=str(patience.seconds), GDAL_HTTP_MAX_RETRY=str(patience.retries),
        GDAL_HTTP_RETRY_DELAY=str(patience.pause_seconds), GDAL_HTTP_RETRY_CODES="429,500,502,503,504",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".tif,.tiff,.jp2", VSI_CACHE="FALSE", CPL_VSIL_CURL_CACHE_SIZE="16000000",
    )  # fmt: skip
    classes = band_of_asset(key, item.assets[key].to_dict()) == "SCL"
    resampling = "nearest" if classes else "bilinear"
    stored = {"data_type": "uint8" if classes else "uint16", "nodata": 0}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            box = GeoBox(grid.shape, grid.transform, str(grid.crs))
            loaded = odc.stac.load(
                [item],
                bands=[key],
                geobox=box,
                resampling=resampling,
                stac_cfg={"*": {"assets": {"*": stored}}},
                fail_on_error=True,
            )
        values: NDArray[np.generic] = np.asarray(loaded[key].to_numpy()[0])
    except Exception as error:  # libraries of several kinds fail here, each with errors of its own
        address = item.assets[key].get_absolute_href()
        raise DataError(
            f"{address}: cannot be read ({_first_line(error)}); repeat the command, it resumes, or leave "
            f"the item out with --skip {item.id}"
        ) from error
    return values


def grid_for(band: str, grid: Grid) -> Grid:
    """The grid of a band over the same ground: pixels of 10 m where Sentinel-2 has them."""
    if band not in _FINE:
        return grid
    return Grid.from_bounds(grid.bounds, grid.crs, _COARSE / 2)


def plain(item: pystac.Item) -> Mapping[str, Any]:
    """The item as it is kept beside its files, with the addresses that were read."""
    content: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    content["links"] = [{"rel": "self", "href": link.href} for link in item.links if link.rel == "self"]
    return content


def _first_line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
