"""Real inventories, as others delivered them, through comparison, densities, sizes and review: no hand touches them."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS

from chronoslide.files import write_json
from chronoslide.grid import Grid
from chronoslide.inventories.comparison.comparing import compare_inventories
from chronoslide.inventories.review.decisions import apply_review, prepare_review
from chronoslide.inventories.statistics.densities import compare_densities, measure_densities
from chronoslide.inventories.statistics.size_statistics import measure_sizes
from chronoslide.inventories.statistics.summary import summarise
from chronoslide.inventories.usable import usable
from chronoslide.params import StatisticsSettings
from chronoslide.vectors import read_polygons

DATA = Path(__file__).parents[3] / "../shared/data"
NUMBERS = {2013: 35, 2014: 21, 2015: 98, 2016: 28, 2017: 18, 2018: 12, 2019: 24}
KASHMIR_YEARS = (2000, 2001, 2005, 2006, 2009, 2010, 2011, 2014)

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="shared/data is not on this machine")


def nepal(year):
    return read_polygons(DATA / f"nepal_inventories/{year}.shp")


@pytest.fixture(scope="module")
def kashmir():
    return read_polygons(DATA / "kashmir/landslides.shp")


@pytest.mark.parametrize("year", NUMBERS)
def test_each_nepal_year_is_counted_fitted_or_refused_and_reviewed(year, tmp_path):
    inventory = nepal(year)
    assert summarise(inventory).number == NUMBERS[year]
    areas = shapely.area(inventory.geometry.to_numpy())
    sizes = measure_sizes(areas, minimum_area_m2=200.0, seed=1, settings=StatisticsSettings(bootstrap_samples=3))
    assert bool(sizes.fits) == (year == 2015)
    write_json(tmp_path / "sizes.json", sizes.as_dict())
    assert len(apply_review(prepare_review(inventory), inventory).inventory) == NUMBERS[year]


def test_two_nepal_years_with_invalid_outlines_are_compared(tmp_path):
    first, second = nepal(2015), nepal(2016)
    area = shapely.box(*np.add(first.total_bounds, [-500, -500, 500, 500]))
    comparison = compare_inventories(first, second, area)
    assert comparison.preparation["manual"]["repaired"] == 1
    assert (comparison.figures.manual_number, comparison.figures.predicted_number) == (98, 28)
    densities = compare_densities(first, second, area, Grid.from_bounds(area.bounds, CRS.from_epsg(32645), 50.0))
    assert -1.0 <= densities.likeness.pearson_r <= 1.0
    assert 0.0 < densities.likeness.overlap < 1.0
    write_json(tmp_path / "comparison.json", {**comparison.as_dict(), **densities.as_dict()})


def test_a_nepal_year_against_itself_is_perfect():
    figures = compare_inventories(nepal(2013), nepal(2013)).figures
    assert figures.one_to_one[0].panoptic_quality == pytest.approx(1.0)
    assert figures.mapping_error == pytest.approx(0.0, abs=1e-9)


def test_kashmir_years_are_fitted_or_refused(kashmir):
    refused = []
    for year in KASHMIR_YEARS:
        areas = shapely.area(kashmir.geometry.to_numpy()[kashmir["Year_obs"] == year])
        sizes = measure_sizes(areas, minimum_area_m2=200.0, seed=1, settings=StatisticsSettings(bootstrap_samples=0))
        if sizes.refusal:
            refused.append(year)
        else:
            assert 1.2 < sizes.power_law.exponent < 6.0
            assert 1.2 < sizes.fits["inverse_gamma"].model.tail_exponent < 6.0
    assert 2006 not in refused
    assert all((kashmir["Year_obs"] == year).sum() < 50 for year in refused)


def test_kashmir_density_with_its_own_bandwidth(kashmir):
    inventory = kashmir[kashmir["Year_obs"] == 2006]
    area = shapely.box(*inventory.total_bounds)
    grid = Grid.from_bounds(area.bounds, CRS.from_epsg(32643), 250.0)
    densities = measure_densities(usable(inventory, "the inventory", area).outlines, area, grid)
    assert densities.number_per_km2 == pytest.approx(2400 / area.area * 1e6)
    assert densities.kernel_maximum_per_km2 > densities.kernel_mean_per_km2 > 0


def test_the_magnitude_of_the_usgs_sample_with_its_deviation():
    areas = np.loadtxt(DATA / "usgs_mls/areas_m2.csv", skiprows=1)
    sizes = measure_sizes(areas, minimum_area_m2=100.0, seed=1, settings=StatisticsSettings(bootstrap_samples=30))
    assert sizes.magnitude == pytest.approx(3.63, abs=0.01)  # its authors print 3.63 +- 0.08
    assert 0.04 < sizes.magnitude_deviation < 0.16
