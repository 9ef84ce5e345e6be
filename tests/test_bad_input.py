"""A user's mistake gives one line that names place and remedy, exit code 2, no traceback, and earlier results stay."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml

from repository import BIN, Repository

pytestmark = pytest.mark.slow


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        # What an interrupted `map` will go on with is no result.
        if path.is_file() and not any(part.startswith(".maps.") for part in path.relative_to(folder).parts):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def repository(smoke: Repository, tmp_path: Path) -> Repository:
    """A finished smoke repository to break."""
    shutil.copytree(smoke.root, tmp_path / "broken", ignore=shutil.ignore_patterns("cache", "mlartifacts", ".git"))
    return Repository(tmp_path / "broken")


def described(root: Path, change: Callable[[dict], None]) -> None:
    path = root / "data/dataset.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def parameters(root: Path, old: str, new: str) -> None:
    path = root / "params.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def tile(root: Path, year: int = 2016) -> Path:
    return sorted((root / f"data/investigation/acquisitions/{year}").glob("*_SR.tif"))[0]


def rewritten(path: Path, change: Callable[[np.ndarray], np.ndarray], **profile: object) -> None:
    with rasterio.open(path) as source:
        values, kept = source.read(), source.profile
    path.unlink()
    values = change(values)
    with rasterio.open(path, "w", **{**kept, "count": len(values), **profile}) as target:
        target.write(values)


def no_reference_year(root: Path) -> None:
    described(root, lambda content: content["sites"]["investigation"]["years"].pop("2016"))


def unknown_band(root: Path) -> None:
    parameters(root, "[blue, green, red, red_edge, nir]", "[blue, green, red, red_edg, nir]")


def doubled_band(root: Path) -> None:
    described(root, lambda content: content.update(bands=["blue", "green", "red", "red", "nir"]))


def four_bands(root: Path) -> None:
    rewritten(tile(root), lambda values: values[:4])


def other_zone(root: Path) -> None:
    rewritten(tile(root), lambda values: values, crs="EPSG:32644")


def one_tile_only(root: Path) -> None:
    described(root, lambda content: content["sites"]["investigation"]["years"]["2016"]["acquisitions"].pop())


def only_nodata(root: Path) -> None:
    for path in tile(root).parent.glob("*_SR.tif"):
        rewritten(path, np.zeros_like)


def truncated(root: Path) -> None:
    path = tile(root)
    path.write_bytes(path.read_bytes()[:5000])


def missing_tile(root: Path) -> None:
    tile(root).unlink()


def missing_inventory(root: Path) -> None:
    (root / "data/investigation/inventories/2016.gpkg").unlink()


def points(root: Path) -> None:
    path = root / "data/investigation/inventories/2016.gpkg"
    frame = gpd.read_file(path)
    path.unlink()
    frame.set_geometry(frame.geometry.centroid).to_file(path, layer="landslides")


def no_landslides_to_learn_from(root: Path) -> None:
    for path in (root / "results/masks/training").glob("*.tif"):
        rewritten(path, lambda values: np.where(values == 1, 0, values).astype(values.dtype))


def unknown_parameter(root: Path) -> None:
    parameters(root, "all_touched", "all_touchd")


def out_of_range(root: Path) -> None:
    parameters(root, "test_share: 0.30", "test_share: 1.30")


def broken_weights(root: Path) -> None:
    path = root / "results/models/transferred/model.weights.h5"
    path.write_bytes(path.read_bytes()[:3000])


def other_bands(root: Path) -> None:
    path = root / "results/models/transferred/model.json"
    path.write_text(path.read_text().replace('"red_edge"', '"swir"'))


CASES = [
    # what is wrong, the verb that meets it, words of the line that it prints
    (no_reference_year, "scenes", ["dataset.yaml", "2016", "params.yaml"]),
    (unknown_band, "scenes", ["'red_edg'", "did you mean 'red_edge'"]),
    (doubled_band, "scenes", ["dataset.yaml", "red", "more than once"]),
    (four_bands, "scenes", ["_SR.tif", "4", "5"]),
    (other_zone, "scenes", ["_SR.tif", "EPSG:32644", "EPSG:32645"]),
    (one_tile_only, "scenes", ["cover", "minimum_coverage"]),
    (only_nodata, "scenes", ["_SR.tif", "nothing but NoData"]),
    (truncated, "scenes", ["_SR.tif", "deliver"]),
    (missing_tile, "scenes", ["_SR.tif", "no such file"]),
    (missing_inventory, "masks", ["2016.gpkg", "no such file"]),
    (points, "masks", ["2016.gpkg", "Point", "polygons"]),
    (no_landslides_to_learn_from, "patches", ["training", "landslide"]),
    (unknown_parameter, "masks", ["params.yaml", "all_touchd", "did you mean 'all_touched'"]),
    (out_of_range, "patches", ["params.yaml", "test_share", "1.3"]),
    (broken_weights, "map", ["model.weights.h5", "repeat"]),
    (other_bands, "map", ["swir", "bands"]),
]


@pytest.mark.parametrize(("spoil", "verb", "words"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_mistake_is_told_in_one_line(
    repository: Repository, spoil: Callable[[Path], None], verb: str, words: list[str]
) -> None:
    spoil(repository.root)
    before = fingerprint(repository.root / "results")
    done = repository.run("chronoslide", verb, check=False)
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert said.startswith(f"chronoslide {verb}: ")
    assert [word for word in words if word not in said] == [], said
    assert fingerprint(repository.root / "results") == before


def test_invalid_polygons_are_repaired_and_counted(repository: Repository) -> None:
    path = repository.root / "data/investigation/inventories/2016.gpkg"
    frame = gpd.read_file(path)
    outline = list(frame.geometry.explode().iloc[0].exterior.coords)[:-1]
    outline[1], outline[2] = outline[2], outline[1]
    bow_tie = gpd.GeoSeries.from_wkt([f"POLYGON (({', '.join(f'{x} {y}' for x, y in [*outline, outline[0]])}))"])
    frame.loc[frame.index[0], "geometry"] = bow_tie.iloc[0]
    assert not frame.geometry.is_valid.all()
    path.unlink()
    frame.to_file(path, layer="landslides")
    repository.run("chronoslide", "masks")
    assert '"repaired_polygons": 1' in (repository.root / "results/masks/summary.json").read_text()


def test_a_full_disk_is_told_in_one_line(repository: Repository) -> None:
    before = fingerprint(repository.root / "results")
    # Not measured by `make quality`: its file of seen lines finds no room either, and says so.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 40; exec {BIN / 'chronoslide'} patches"],
        cwd=repository.root, capture_output=True, text=True,
        env={**inherited, "MLFLOW_TRACKING_URI": f"sqlite:///{repository.root}/mlflow.db"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be" in done.stderr.splitlines()[-1]
    assert fingerprint(repository.root / "results") == before


def test_an_interrupted_training_leaves_the_old_model_and_a_killed_run(repository: Repository) -> None:
    parameters(repository.root, "epochs: 2", "epochs: 2000")
    before = fingerprint(repository.root / "results/models")
    words = [BIN / "chronoslide", "pretrain"]
    # A shell that starts the tests in its background lets them, and what they start, ignore the interrupt.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(words, cwd=repository.root, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as training:
        assert training.stderr is not None
        seen = ""
        while " 1/2000" not in seen and " 2/2000" not in seen and training.poll() is None:
            seen += training.stderr.read(1)
        training.send_signal(signal.SIGINT)
        rest = training.stderr.read()
    assert training.returncode == 130
    assert "interrupted" in rest.splitlines()[-1]
    assert "Traceback" not in rest
    assert fingerprint(repository.root / "results/models") == before
    with sqlite3.connect(repository.root / "mlflow.db") as store:
        statuses = [status for (status,) in store.execute("select status from runs where name = 'pretrain'")]
    store.close()
    assert sorted(statuses) == ["FINISHED", "KILLED"]
