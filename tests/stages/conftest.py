"""A small delivery, made by a program, on which the first stages run."""

import contextlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Polygon, box

from chronoslide.stages import masks, scenes

PARAMS = Path(__file__).parents[2] / "params.yaml"
BANDS = ["blue", "green", "red", "red_edge", "nir"]
CRS45 = CRS.from_epsg(32645)
ROWS, COLS = 40, 60
WEST, NORTH = 300_000, 3_100_000


class Delivery:
    """`params.yaml` and `data/` of two sites of 40 x 60 pixels; 2016 comes in two tiles that overlap."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.description = {
            "name": "Valley", "provenance": "simulated", "sensor": "RapidEye", "bands": BANDS, "scale": 10_000,
            "nodata": 0, "crs": "EPSG:32645", "resolution_metres": 5, "sites": {},
        }  # fmt: skip
        for site, years in (("training", [2016]), ("investigation", [2015, 2016, 2017])):
            self.description["sites"][site] = {"area_of_interest": f"{site}/area.gpkg", "years": {}}
            (self.data / site).mkdir(parents=True)
            self.vectors(f"{site}/area.gpkg", box(WEST, NORTH - 5 * ROWS, WEST + 5 * COLS, NORTH))
            for year in years:
                self.year(site, year)
        self.describe()
        self.settings()

    def ground(self):
        """(rows, cols, bands), the same on every call: noise around a reflectance for each band."""
        noise = np.random.default_rng(3).normal(1.0, 0.1, (ROWS, COLS, 1))
        return np.array([300, 500, 400, 900, 2_600]) * noise

    def year(self, site, year):
        gain = {2015: 0.8, 2016: 1.0, 2017: 1.1}[year]
        values = np.rint(self.ground() * gain + (200 if year == 2015 else 0)).astype(np.uint16)
        tiles = [("a", 0, 35), ("b", 25, COLS)] if year == 2016 else [("a", 0, COLS)]
        acquisitions = []
        for name, start, stop in tiles:
            scene, mask = (f"{site}/{year}_{name}{end}.tif" for end in ("", "_udm"))
            unusable = np.zeros((ROWS, stop - start, 1), dtype=np.uint8)
            if (site, year) == ("investigation", 2017):
                unusable[:4] = 2  # a cloud over a tenth of the scene
            self.raster(scene, values[:, start:stop], start)
            self.raster(mask, unusable, start)
            acquisitions.append({"scene": scene, "usable_data_mask": mask})
        described = {"date": f"{year}-11-04", "acquisitions": acquisitions}
        if year != 2015:
            described["inventory"] = f"{site}/{year}.gpkg"
            bow_tie = Polygon([(0, 0), (20, 20), (20, 0), (0, 20)])
            square, bow_tie = box(WEST + 50, NORTH - 100, WEST + 100, NORTH - 50), shifted(bow_tie, 200, -150)
            self.vectors(described["inventory"], square, bow_tie, Polygon())
        self.description["sites"][site]["years"][year] = described

    def with_own_noise(self, constant_band=None):
        """Delivers all years again with bands that differ from each other, and a little noise in each scene."""
        own = np.random.default_rng(4).normal(1.0, 0.1, (ROWS, COLS, 5))
        common = self.ground()
        noise = np.random.default_rng(5)
        kept = np.where(np.arange(5) == constant_band, 0.0, 1.0)
        level = (1.0 - kept) * 400.0
        self.ground = lambda: level + kept * (common * own + noise.normal(0.0, 1.0, own.shape) * 0.003 * common)
        self._deliver_again()

    def shift(self, year, cols):
        """Delivers a year again, lying some pixels too far east."""
        plain = self.ground
        self.ground = lambda: np.roll(plain(), cols, axis=1)
        self.year("investigation", year)
        self.ground = plain
        self.describe()

    def elevation(self):
        """Delivers an elevation model that rises eastwards by 45 degrees."""
        rise = np.broadcast_to(2_000.0 + 5.0 * np.arange(COLS), (ROWS, COLS)).astype(np.float32)
        for site, described in self.description["sites"].items():
            self.raster(f"{site}/elevation.tif", rise[..., None])
            described["elevation"] = f"{site}/elevation.tif"
        self.describe()

    def sun(self, elevation, azimuth):
        """Delivers metadata that tell where the sun stood."""
        content = json.dumps({"sun_elevation_degrees": elevation, "sun_azimuth_degrees": azimuth})
        (self.data / "metadata.json").write_text(content, encoding="utf-8")
        for described in self.description["sites"].values():
            for year in described["years"].values():
                year["acquisitions"][0]["metadata"] = "metadata.json"
        self.describe()

    def _deliver_again(self):
        for site, described in self.description["sites"].items():
            for year in described["years"]:
                self.year(site, year)
        self.describe()

    def raster(self, name, values, first_col=0):
        transform = Affine(5, 0, WEST + 5 * first_col, 0, -5, NORTH)
        rows, cols, count = values.shape
        with rasterio.open(
            self.data / name, "w", driver="GTiff", height=rows, width=cols, count=count, dtype=values.dtype,
            crs=CRS45, transform=transform,
        ) as target:  # fmt: skip
            target.write(np.moveaxis(values, -1, 0))

    def vectors(self, name, *polygons):
        frame = gpd.GeoDataFrame(geometry=list(polygons), crs=32645)
        frame.to_file(self.data / name, geometry_type=None if len(frame) else "Polygon")

    def describe(self):
        (self.data / "dataset.yaml").write_text(yaml.safe_dump(self.description), encoding="utf-8")

    def settings(self, **changes):
        content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
        content["reference_year"] = changes.pop("reference_year", 2016)
        content["scenes"] = {
            "bands": BANDS, "normalisation": "histogram", "sharpening": 0.0, "minimum_coverage": 0.8, **changes
        }  # fmt: skip
        (self.root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def bytes_of(self, folder):
        """The name and the bytes of every file below a folder of `results/`."""
        top = self.root / "results" / folder
        return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def shifted(polygon, east, north):
    return Polygon([(WEST + east + x, NORTH + north + y) for x, y in polygon.exterior.coords])


@pytest.fixture
def delivery(tmp_path):
    return Delivery(tmp_path)


class Untracked:
    """Takes what a stage tells MLflow and forgets it: opening a store takes seconds, and test_tracking.py does."""

    def log_metrics(self, metrics, step=0): ...

    def log_files(self, paths, folder=None): ...


@pytest.fixture(autouse=True)
def untracked(monkeypatch):
    for stage in (scenes, masks):
        monkeypatch.setattr(stage, "stage_run", lambda *arguments: contextlib.nullcontext(Untracked()))
