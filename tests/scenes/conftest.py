"""Small deliveries, made by a program, for the tests of this room."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from chronoslide.dataset import Acquisition, Dataset
from chronoslide.grid import Grid

BANDS = ("red", "nir")


@pytest.fixture
def site():
    """A site of 4 x 6 pixels of 5 m."""
    return Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (4, 6))


@pytest.fixture
def described():
    """Makes a description of two bands, stored as 10,000 x reflectance, with changes."""

    def make(**changes):
        years = {2016: {"date": "2016-11-04", "acquisitions": [{"scene": "tile.tif"}]}}
        area = {"area_of_interest": "area.gpkg", "years": years}
        content = {
            "name": "Valley", "provenance": "observed", "sensor": "RapidEye", "bands": BANDS, "scale": 10_000,
            "nodata": 0, "crs": "EPSG:32645", "resolution_metres": 5,
            "sites": {"training": area, "investigation": area},
        }  # fmt: skip
        return Dataset.model_validate(content | changes)

    return make


@pytest.fixture
def deliver(tmp_path, site):
    """Writes an array (rows, cols, bands) as a provider would and describes it as an acquisition."""

    def write(values, *, transform=None, crs=None, names=BANDS, mask=None, name="tile", colours=None, **profile):
        def save(path: Path, cube, descriptions):
            rows, cols, count = cube.shape
            with rasterio.open(
                path, "w", driver="GTiff", height=rows, width=cols, count=count, dtype=cube.dtype,
                crs=crs or site.crs, transform=transform or site.transform, **profile,
            ) as target:  # fmt: skip
                if colours:
                    target.colorinterp = colours
                target.write(np.moveaxis(cube, -1, 0))
                target.descriptions = tuple(descriptions)

        save(tmp_path / f"{name}.tif", values, names)
        if mask is None:
            return Acquisition(scene=Path(f"{name}.tif"))
        save(tmp_path / f"{name}_udm.tif", mask[..., np.newaxis], [None])
        return Acquisition(scene=Path(f"{name}.tif"), usable_data_mask=Path(f"{name}_udm.tif"))

    return write
