"""Every reader that is fed broken files: how to make a good file, which files are harmed, how it is read.

To add a reader, add a function that makes its files, one that reads them, and a line to `READERS`. Nothing is imported
before it is used: most readers need neither TensorFlow nor GDAL, and a process reads one kind.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        make: Writes good files into an empty folder.
        read: Reads them; may raise only a `ChronoslideError`.
        targets: The files that are harmed, one at a time.
    """

    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    targets: tuple[str, ...]


def _grid(rows: int, cols: int) -> Any:
    from chronoslide.grid import Grid

    return Grid.from_bounds((300_000, 3_100_000, 300_000 + 5 * cols, 3_100_000 + 5 * rows), "EPSG:32645", 5)


def _params(folder: Path) -> None:
    shutil.copy2(ROOT / "params.yaml", folder)


def _read_params(folder: Path) -> None:
    from chronoslide.params import read_settings

    read_settings(folder / "params.yaml")


def _dataset(folder: Path) -> None:
    import datetime

    import yaml

    years = {
        year: {
            "date": datetime.date(year, 11, 4),
            "acquisitions": [{"scene": f"{year}/a.tif", "usable_data_mask": f"{year}/a_udm.tif"}],
            "inventory": f"inventories/{year}.gpkg",
        }
        for year in (2016, 2017)
    }
    content = {
        "name": "Valley", "provenance": "simulated", "description": "A valley.", "sensor": "RapidEye",
        "bands": ["blue", "green", "red", "red_edge", "nir"], "scale": 10_000.0, "nodata": 0.0, "crs": "EPSG:32645",
        "resolution_metres": 5.0,
        "sites": {
            "training": {"area_of_interest": "training/area.gpkg", "years": years},
            "investigation": {"area_of_interest": "area.gpkg", "elevation": "elevation.tif", "years": years},
        },
    }  # fmt: skip
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def _read_dataset(folder: Path) -> None:
    from chronoslide.dataset import read_dataset

    read_dataset(folder)


def _raster(folder: Path) -> None:
    import numpy as np
    import rasterio

    from chronoslide.rasters import write_raster

    rng = np.random.default_rng(0)
    values, grid = rng.integers(1, 9000, (40, 48, 3), dtype=np.uint16), _grid(40, 48)
    names = ["red", "green", "nir"]
    write_raster(folder / "scene.tif", values, grid, bands=names, valid=values[..., 0] > 500, tags={"year": "2016"})
    write_raster(folder / "map.tif", rng.random((40, 48), dtype=np.float32), grid, bands=["p"], nodata=float("nan"))
    profile = {"height": 40, "width": 48, "crs": grid.crs, "transform": grid.transform, "dtype": "uint16"}
    for name, options in {
        "strips.tif": {"compress": "lzw"}, "big.tif": {"BIGTIFF": "YES"}, "plain.tif": {"interleave": "band"},
    }.items():  # fmt: skip
        with rasterio.open(folder / name, "w", driver="GTiff", count=3, **profile, **options) as target:
            target.write(np.moveaxis(values, -1, 0))


def _read_rasters(folder: Path) -> None:
    from chronoslide.errors import ChronoslideError
    from chronoslide.rasters import read_grid, read_raster

    complaint = None
    for path in sorted(folder.glob("*.tif")):
        for read in (read_grid, read_raster):
            try:
                read(path)
            except ChronoslideError as error:
                complaint = error
    if complaint:
        raise complaint


def _polygons() -> Any:
    import geopandas as gpd
    from shapely.geometry import MultiPolygon, Polygon, box

    ring = Polygon([(0, 0), (90, 0), (90, 90), (0, 90)], [[(20, 20), (40, 20), (40, 40)]])
    shapes = [box(100, 0, 150, 70), ring, MultiPolygon([box(200, 0, 210, 9), box(220, 0, 230, 9)]), Polygon()]
    columns = {"year": [2015, 2016, 2016, 2017], "note": ["a", None, "é", ""]}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=32645)


def _written_as(name: str, **options: Any) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        frame = _polygons()
        if name.endswith(".shp"):
            frame = frame.iloc[:3]
        frame.to_file(folder / name, engine="pyogrio", **options)

    return make


def _read_polygons(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        from chronoslide.inventories.multitemporal.reading import read_inventories
        from chronoslide.vectors import read_polygons, repair_polygons

        repair_polygons(read_polygons(folder / name), name)
        read_inventories([folder / name], "year")

    return read


def _review(folder: Path) -> None:
    from chronoslide.inventories.review.decisions import prepare_review
    from chronoslide.inventories.review.package import write_review
    from chronoslide.vectors import write_geopackage

    inventory = _polygons().iloc[:3]
    write_geopackage(folder / "inventory.gpkg", {"landslides": inventory})
    review = prepare_review(inventory, "inventory")
    review.loc[review.index[:2], ["decision", "reviewer"]] = [["accept", "R"], ["reject", "R"]]
    write_review(folder / "review.gpkg", review)


def _read_review(folder: Path) -> None:
    from chronoslide.inventories.review.decisions import apply_review
    from chronoslide.inventories.review.package import read_review
    from chronoslide.vectors import read_polygons

    apply_review(read_review(folder / "review.gpkg"), read_polygons(folder / "inventory.gpkg"))


def _patches(folder: Path) -> None:
    import numpy as np
    import pandas as pd

    from chronoslide.patches.storage import SAMPLE_COLUMNS, PatchSet, write_patches

    rng = np.random.default_rng(0)
    images = rng.integers(1, 9000, (3, 16, 16, 2), dtype=np.uint16)
    labels = rng.choice(np.array([0, 1, 255], dtype=np.uint8), (3, 16, 16))
    samples = pd.DataFrame([("training", 2016, 0, 16 * n, n) for n in range(3)], columns=SAMPLE_COLUMNS)
    write_patches(folder / "patches", PatchSet(images, labels, ("red", "nir")), samples)


def _read_patches(folder: Path) -> None:
    from chronoslide.patches.storage import read_patches, read_samples

    patches = read_patches(folder / "patches")
    int(patches.images.sum()), int(patches.labels.sum())
    read_samples(folder / "patches")


def _statistics(folder: Path) -> None:
    from chronoslide.patches.scaling import BandStatistics
    from chronoslide.patches.storage import write_statistics

    write_statistics(folder, BandStatistics(("red", "nir"), (0.1, 0.25), (0.05, 0.1)))


def _read_statistics(folder: Path) -> None:
    from chronoslide.patches.storage import read_statistics

    read_statistics(folder)


def _chips(folder: Path) -> None:
    import numpy as np
    import rasterio
    from PIL import Image

    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir()
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / "images/a.png")
    Image.fromarray(rng.choice(np.array([0, 255], dtype=np.uint8), (16, 16))).save(folder / "masks/a.png")
    for part, count, dtype in (("images", 3, "uint8"), ("masks", 1, "uint8")):
        profile = {"driver": "GTiff", "height": 16, "width": 16, "count": count, "dtype": dtype}
        with rasterio.open(folder / part / "b.tif", "w", crs="EPSG:32645", **profile) as target:
            target.write(rng.integers(0, 2, (count, 16, 16)).astype(dtype))


def _read_chips(folder: Path) -> None:
    from chronoslide.patches.chips import read_chips

    read_chips(folder, ("red", "green", "blue"))


def _chip_set(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        import made_chip_sets

        if name in ("landslide4sense", "hr_gldd"):
            getattr(made_chip_sets, name)(folder)
        else:
            made_chip_sets.pairs(folder, name, chips=2)

    return make


def _metrics(folder: Path) -> None:
    figures = {"f1": 0.7, "f1_low": 0.6, "f1_high": 0.8, "precision": 0.7, "recall": 0.7}
    models = dict.fromkeys(("transferred", "pretrained", "ndvi_threshold"), figures)
    content = {
        "data": {"name": "Valley", "provenance": "simulated"}, "protocol": "blocks", "reference_year": 2016,
        "mean_f1": 0.7, "mean_f1_by_model": {"transferred": 0.7, "pretrained": 0.5},
        "transfer_gain": {"f1_difference": 0.1, "low": 0.0, "high": 0.2}, "held_out_2016": models,
        "years": {"2016": models, "2017": models},
        "inventories": {year: {"predicted": {"count": 3, "area_m2": 900.5}} for year in ("2016", "2017")},
    }  # fmt: skip
    for name in ("now.json", "then.json"):
        (folder / name).write_text(json.dumps(content))


def _read_metrics(folder: Path) -> None:
    from chronoslide.reporting.comparison import compare_runs, comparison_markdown
    from chronoslide.reporting.results_reader import read_metrics

    now, then = (read_metrics(folder / name) for name in ("now.json", "then.json"))
    comparison_markdown(compare_runs(now, then), now, then, "main")


def _model(folder: Path) -> None:
    from chronoslide.models.card import ModelCard
    from chronoslide.models.storage import save_model
    from chronoslide.models.unet import build_unet
    from chronoslide.params import ModelSettings

    card = ModelCard(
        settings=ModelSettings(filters=1), bands=("red", "nir"), mean=(0.1, 0.25), standard_deviation=(0.05, 0.1),
        side_pixels=16, threshold=0.4, threshold_f1=0.7, false_positive_weight=0.6, seed=1, trained_on="nothing",
    )  # fmt: skip
    save_model(folder / "model", build_unet(2, card.settings, card.statistics, seed=1), card)


def _card(folder: Path) -> None:
    from chronoslide.models.card import CARD, ModelCard
    from chronoslide.params import ModelSettings

    card = ModelCard(
        settings=ModelSettings(filters=1), bands=("red", "nir"), mean=(0.1, 0.25), standard_deviation=(0.05, 0.1),
        side_pixels=16, threshold=0.4, threshold_f1=0.7, false_positive_weight=0.6, seed=1, trained_on="nothing",
    )  # fmt: skip
    (folder / CARD).write_text(json.dumps(card.model_dump(mode="json")))


def _read_card(folder: Path) -> None:
    from chronoslide.models.card import read_card

    card = read_card(folder)
    _ = card.statistics
    card.threshold_in_use("validation")


def _read_model(folder: Path) -> None:
    from chronoslide.models import storage

    # The harm is in the weights: the network that they are read into is built once, which takes as long as reading.
    with patch.object(storage, "build_network", _built_once):
        storage.load_model(folder / "model")


@cache
def _built_once(bands: int, settings: Any, statistics: Any, seed: int) -> object:
    from chronoslide.models.architectures import build_network

    return build_network(bands, settings, statistics, seed)


_SERVED_BANDS = ("green", "red", "nir")


def _request(folder: Path) -> None:
    import base64

    import made_deliveries

    scene = made_deliveries.values((600, 800, 2500), 40, 48)
    for name in ("image.tif", "small.tif"):
        cube = scene if name == "image.tif" else scene[:24, :24]
        made_deliveries.raster(folder / name, cube, names=_SERVED_BANDS, nodata=0, compress="deflate")
    made_deliveries.raster(folder / "elevation.tif", scene[..., :1].astype("float32"), names=("elevation",))
    (folder / "image.base64").write_bytes(base64.b64encode((folder / "small.tif").read_bytes()))
    options = {"threshold": 0.5, "minimum_area_m2": 100.0, "simplify_metres": 2.5, "crs": "wgs84"}
    (folder / "options.json").write_text(json.dumps({**options, "probability": True, "as_text": False}))


def _read_request(folder: Path) -> None:
    """As `serving.pyfunc` takes a row, up to the network; that a body is a table of rows is seen to by MLflow."""
    import base64

    from chronoslide.errors import RequestError
    from chronoslide.serving.request import Limits, read_row

    try:
        options = json.loads((folder / "options.json").read_bytes())
    except (ValueError, RecursionError) as error:
        raise RequestError("MLflow answers that this is no JSON") from error
    if not isinstance(options, dict):
        raise RequestError("MLflow answers that this is no row")
    image, elevation = (base64.b64encode((folder / f"{name}.tif").read_bytes()) for name in ("image", "elevation"))
    for images in (
        {"image": (folder / "image.base64").read_bytes()},
        {"image": image.decode(), "elevation": elevation},
    ):
        read_row({**options, **images}, _SERVED_BANDS, Limits(4_000_000, 1_000_000))


def _delivery(folder: Path) -> None:
    import made_deliveries

    made_deliveries.rapideye(folder, "2016-11-04")
    made_deliveries.planetscope(folder, "2019-11-04", 8)
    made_deliveries.safe(folder)
    made_deliveries.cogs(folder)


def _read_delivery(folder: Path) -> None:
    """Metadata alone: what the pixels of such a delivery can do is tried with the reader "GeoTIFF"."""
    from chronoslide.errors import DataError
    from chronoslide.scenes.deliveries import planet, sentinel2

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    problems = []
    for provider in (planet, sentinel2):
        recognised = provider.recognise(files)
        problems += recognised.problems
        for scene in recognised.scenes:
            outside = [path for path in scene.files() if not path.resolve().is_relative_to(folder.resolve())]
            assert not outside, outside
        assert all("\n" not in problem for problem in recognised.problems)
    if problems:
        raise DataError(problems[0])


def _catalogue(folder: Path) -> None:
    import made_deliveries

    made_deliveries.cogs(
        folder, properties={"proj:code": "EPSG:32645", "eo:cloud_cover": 3.5, "grid:code": "MGRS-45RUL"}
    )
    item = json.loads(next(folder.rglob("S2A*.json")).read_text())
    shutil.rmtree(folder / item["id"])
    ring = [[84.9, 27.9], [85.9, 27.9], [85.9, 28.9], [84.9, 28.9], [84.9, 27.9]]
    item |= {"bbox": [84.9, 27.9, 85.9, 28.9], "geometry": {"type": "Polygon", "coordinates": [ring]}, "links": []}
    other = {**item, "id": item["id"].replace("_0_", "_1_")}
    search = {"type": "FeatureCollection", "features": [item, other], "links": []}
    (folder / "search.json").write_text(json.dumps(search))
    api = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
    address = "https://catalogue.example/"
    landing = {
        "type": "Catalog", "id": "catalogue", "stac_version": "1.0.0", "description": "A catalogue", "conformsTo": api,
        "links": [
            {"rel": "self", "href": address}, {"rel": "root", "href": address},
            {"rel": "search", "href": f"{address}search", "type": "application/geo+json", "method": "POST"},
        ],
    }  # fmt: skip
    (folder / "landing.json").write_text(json.dumps(landing))


def _read_catalogue(folder: Path) -> None:
    """The answers of a STAC API as `fetch` takes them, up to the first pixel."""
    import datetime

    import shapely

    from chronoslide.commands import fetch
    from chronoslide.scenes.deliveries import catalogue_reading

    class Answers(catalogue_reading.StacApiIO):
        def request(self, href: str, *_: Any, **__: Any) -> str:
            return (folder / ("search.json" if "search" in href else "landing.json")).read_text(encoding="utf-8")

    area = shapely.box(85.0, 28.0, 85.01, 28.01)
    days = datetime.date(2022, 10, 1), datetime.date(2022, 12, 1)
    asked, catalogue_reading.StacApiIO = catalogue_reading.StacApiIO, Answers
    try:
        items = catalogue_reading.search(
            "https://catalogue.example/", "sentinel-2-l2a", area, *days, catalogue_reading.Patience(1.0, 0, 0.0)
        )
    finally:
        catalogue_reading.StacApiIO = asked
    for acquired in catalogue_reading.acquisitions(items).values():
        catalogue_reading.completeness(acquired, area)
        fetch._promised_cloud(acquired)
        for item in acquired:
            catalogue_reading.assets_of(item, ("blue", "nir"))
            catalogue_reading.covering(item, area)
            json.dumps(catalogue_reading.plain(item))


READERS: dict[str, Reader] = {
    "params.yaml": Reader(_params, _read_params, ("params.yaml",)),
    "dataset.yaml": Reader(_dataset, _read_dataset, ("dataset.yaml",)),
    "model.json": Reader(_card, _read_card, ("model.json",)),
    "statistics.json": Reader(_statistics, _read_statistics, ("statistics.json",)),
    "metrics.json": Reader(_metrics, _read_metrics, ("now.json", "then.json")),
    "patches": Reader(
        _patches,
        _read_patches,
        ("patches/images.npy", "patches/labels.npy", "patches/bands.json", "patches/samples.csv"),
    ),
    "GeoTIFF": Reader(_raster, _read_rasters, ("scene.tif", "map.tif", "strips.tif", "big.tif", "plain.tif")),
    "chips": Reader(_chips, _read_chips, ("images/a.png", "masks/a.png", "images/b.tif", "masks/b.tif")),
    "chips in HDF5": Reader(
        _chip_set("landslide4sense"), _read_chips, ("TrainData/img/image_1.h5", "TrainData/mask/mask_1.h5")
    ),
    "chips as arrays": Reader(_chip_set("hr_gldd"), _read_chips, ("trainX.npy", "trainY.npy")),
    "chips as npz": Reader(_chip_set("npz"), _read_chips, ("images/0.npz", "masks/0.npz")),
    "GeoPackage": Reader(_written_as("a.gpkg"), _read_polygons("a.gpkg"), ("a.gpkg",)),
    "shapefile": Reader(_written_as("a.shp"), _read_polygons("a.shp"), ("a.shp", "a.shx", "a.dbf", "a.prj", "a.cpg")),
    "GeoJSON": Reader(_written_as("a.geojson"), _read_polygons("a.geojson"), ("a.geojson",)),
    "review": Reader(_review, _read_review, ("review.gpkg",)),
    "request": Reader(
        _request, _read_request, ("options.json", "image.base64", "image.tif", "image.tif", "elevation.tif")
    ),
    "metadata": Reader(
        _delivery,
        _read_delivery,
        (
            "4548017_2016-11-04_RE3_3A_Analytic_metadata.xml",
            "20191104_051011_55_2414_metadata.json",
            "S2A_MSIL2A_20221104T045931_N0400_R076_T45RUL_20221104T090000.SAFE/MTD_MSIL2A.xml",
            "S2A_45RUL_20221104_0_L2A/S2A_45RUL_20221104_0_L2A.json",
        ),
    ),
    "catalogue": Reader(_catalogue, _read_catalogue, ("search.json", "search.json", "landing.json")),
    "weights": Reader(_model, _read_model, ("model/model.weights.h5",)),
}
