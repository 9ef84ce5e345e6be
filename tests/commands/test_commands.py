"""The verbs for data made by others, on small files and on the published ones."""

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Polygon, box

from chronoslide.cli import main

ROOT = Path(__file__).parents[2]
NEPAL = ROOT / "../shared/data/nepal_inventories"


def inventory(path: Path, *polygons: Polygon, crs: str = "EPSG:32645") -> Path:
    gpd.GeoDataFrame(geometry=list(polygons), crs=crs).to_file(path)
    return path


def square(x: float, y: float, side: float) -> Polygon:
    return box(300_000 + x, 3_100_000 + y, 300_000 + x + side, 3_100_000 + y + side)


def test_two_boxes_shifted_by_a_fifth_compare_as_on_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = inventory(tmp_path / "first.gpkg", box(300_000, 3_100_000, 300_100, 3_100_050))
    second = inventory(tmp_path / "second.gpkg", box(300_020, 3_100_000, 300_120, 3_100_050))
    assert main(["compare", "--root", str(tmp_path), str(first), str(second)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["over_segmentation"] == pytest.approx(0.2)
    assert figures["mapping_error"] == pytest.approx(1 / 3, abs=1e-6)
    assert figures["polis_mean_m"] == pytest.approx(10.0)


def test_statistics_of_two_squares_are_on_paper(tmp_path: Path) -> None:
    path = inventory(tmp_path / "two.gpkg", square(0, 0, 100), square(500, 0, 300))
    area = inventory(tmp_path / "area.gpkg", square(-100, -100, 1000))
    output = tmp_path / "statistics.json"
    assert main(["statistics", "--root", str(tmp_path), str(path), "--area", str(area), "-o", str(output)]) == 0
    figures = json.loads(output.read_text())
    assert figures["summary"]["total_area_m2"] == 100_000
    assert figures["densities"]["number_per_km2"] == pytest.approx(2.0)
    assert figures["densities"]["area_share_percent"] == pytest.approx(10.0)
    assert "too few" in figures["sizes"]["refusal"]


def test_the_known_answer_of_tracking_comes_out_of_three_files(tmp_path: Path) -> None:
    wide, small, apart = square(0, 0, 100), square(400, 0, 40), square(800, 0, 50)
    longer = box(300_000, 3_100_000, 300_100, 3_100_150)
    paths = [
        inventory(tmp_path / "mapped_2001.gpkg", wide, small),
        inventory(tmp_path / "mapped_2002.gpkg", longer, apart),
        inventory(tmp_path / "mapped_2003.gpkg", longer, small),
    ]
    output = tmp_path / "tracked.gpkg"
    assert main(["track", "--root", str(tmp_path), *map(str, paths), "-o", str(output)]) == 0
    assert len(gpd.read_file(output, layer="landslides")) == 3
    states = [sorted(gpd.read_file(output, layer=str(year))["state"]) for year in (2001, 2002, 2003)]
    assert states == [["new", "new"], ["enlarged", "new"], ["persistent", "reactivated"]]


def test_geographic_coordinates_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = inventory(tmp_path / "degrees_2001.gpkg", box(85.0, 28.0, 85.001, 28.001), crs="EPSG:4326")
    for words in (["rasterise", str(path)], ["statistics", str(path)], ["track", str(path)]):
        assert main([*words, "--root", str(tmp_path)]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert "EPSG:4326" in said
        assert "not in metres" in said


def test_a_review_gives_back_what_was_not_rejected(tmp_path: Path) -> None:
    path = inventory(tmp_path / "mapped.gpkg", square(0, 0, 100), square(500, 0, 50))
    package, output = tmp_path / "review.gpkg", tmp_path / "reviewed.gpkg"
    assert main(["review", "prepare", str(path), "-o", str(package)]) == 0
    review = gpd.read_file(package, layer="review")
    review.loc[review["area_m2"] < 5000, "decision"] = "reject"
    review.loc[review["area_m2"] > 5000, "decision"] = "accept"
    review["reviewer"] = "somebody"
    review.to_file(package, layer="review")
    assert main(["review", "apply", str(package), str(path), "-o", str(output)]) == 0
    assert gpd.read_file(output, layer="inventory").geometry.area.tolist() == [10_000]
    assert sorted(gpd.read_file(output, layer="training")["label"]) == [0, 1]
    assert set(pd.read_csv(output.with_suffix(".changes.csv"))["reviewer"]) == {"somebody"}


@pytest.mark.skipif(not NEPAL.exists(), reason="the published inventories are not in ../shared/data")
def test_the_published_inventories_keep_their_areas_on_a_grid_of_five_metres(tmp_path: Path) -> None:
    paths = sorted(NEPAL.glob("*.shp"))
    assert main(["rasterise", *map(str, paths), "--output", str(tmp_path)]) == 0
    areas = pd.read_csv(tmp_path / "areas.csv")
    assert areas["polygons"].tolist() == [35, 21, 98, 28, 18, 12, 24]
    assert areas["difference_percent"].abs().max() < 2.0
    for path in paths:
        back = gpd.read_file(tmp_path / f"{path.stem}.gpkg")
        burnt = areas.loc[areas["inventory"] == int(path.stem), "rasterised_m2"].item()
        assert back.geometry.area.sum() == pytest.approx(burnt)
