"""Tracking: seconds and memory for up to 100,000 polygons a year over five years, and agreement with the answer key.

`python -m benchmarks.bench_tracking` prints the table; with a number it tracks that many and prints the seconds, which
is what the table measures, each in a process of its own. Where the simulated site is there, its true, its manual and
(if the pipeline has run) its predicted polygons are tracked and held against the answer key, which no stage reads.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.measure import ROOT, Measure, print_table, record
from chronoslide.dataset import read_dataset
from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.ground import Ground
from chronoslide.inventories.multitemporal.reading import read_inventories
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.inventories.multitemporal.tracking_quality import tracking_quality
from chronoslide.manual_inventories import read_inventory
from chronoslide.params import TrackingSettings
from chronoslide.scenes.scene import read_scene
from chronoslide.vectors import read_polygons

SIZES = (10_000, 30_000, 100_000)
YEARS = range(2013, 2018)
_VERTICES = 48
_SPACING_METRES = 200.0
_STAY, _GROW, _BROKEN = 0.7, 0.15, 0.05


def tracking() -> list[Measure]:
    """Each size in a process of its own; making the polygons is not counted, but is in the memory."""
    measures = []
    for count in SIZES:
        words = f"python -m benchmarks.bench_tracking {count}"
        output = subprocess.run(
            [sys.executable, *words.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        seconds, gigabytes = (float(word) for word in output.split())
        measures.append(Measure(f"track_{count}x5_wall_s", (seconds,), "s", words))
        measures.append(Measure(f"track_{count}x5_peak_rss_gb", (gigabytes,), "GB", words))
    return measures


def quality() -> list[Measure]:
    """Links, states and number of identities on the simulated site, with what its scenes mask, if they are there."""
    key_path = ROOT / "data/answer_key/investigation.gpkg"
    if not key_path.exists():
        print(f"no {key_path.relative_to(ROOT)}: tracking is not held against the answer key")
        return []
    described = read_dataset(ROOT / "data").sites["investigation"].years
    key = {year: read_polygons(key_path, str(year)) for year in described}
    sources = {
        "true": key,
        "manual": {
            year: read_inventory(ROOT / "data", one.inventory, year) for year, one in described.items() if one.inventory
        },
    }
    predicted = ROOT / "results/inventories/predicted.gpkg"
    if predicted.exists():
        sources["predicted"] = read_inventories([predicted]).polygons
    scenes = {year: ROOT / f"results/scenes/investigation/{year}.tif" for year in described}
    ground = {year: Ground.of_scene(read_scene(path)) for year, path in scenes.items() if path.exists()}
    measures = []
    for source, polygons in sources.items():
        found = tracking_quality(track_inventories(polygons, TrackingSettings(), ground=ground), key).as_dict()
        measures += [
            Measure(f"track_{source}_{name}", (float(found[name]),), unit, "python -m benchmarks.bench_tracking")
            for name, unit in (
                ("link_f1", "1"), ("state_accuracy", "1"),
                ("identities_true", "landslides"), ("identities_tracked", "landslides"), ("yearly_counts", "polygons"),
            )
        ]  # fmt: skip
    return measures


def inventories(count: int, seed: int = 1) -> dict[int, gpd.GeoDataFrame]:
    """Five years of `count` outlines each.

    Landslides lie on a lattice on which neighbours sometimes touch. From year to year most stay, drawn by a shaking
    hand; some grow, some are drawn in two pieces, and as many come as go.
    """
    rng = np.random.default_rng(seed)
    places = 2 * count
    length = np.minimum(np.exp(rng.normal(4.2, 0.5, places)), 180.0)
    angle = rng.uniform(0.0, np.pi, places)
    present = rng.permutation(places) < count
    years = {}
    for year in YEARS:
        shown = np.flatnonzero(present)
        outlines = _outlines(shown, length[shown], angle[shown], rng)
        broken = rng.uniform(size=len(shown)) < _BROKEN
        bars = _outlines(shown[broken], length[shown[broken]], angle[shown[broken]] + np.pi / 2.0, rng)
        outlines[broken] = shapely.difference(outlines[broken], bars)
        pieces = shapely.get_parts(outlines)
        years[year] = gpd.GeoDataFrame(geometry=pieces[rng.permutation(len(pieces))[:count]], crs="EPSG:32645")
        length = np.where(rng.uniform(size=places) < _GROW, np.minimum(length * 1.4, 180.0), length)
        leaving = present & (rng.uniform(size=places) > _STAY)
        coming = rng.permutation(np.flatnonzero(~present))[: leaving.sum()]
        present[leaving] = False
        present[coming] = True
    return years


def _outlines(
    places: NDArray[np.intp], length: NDArray[np.float64], angle: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.object_]:
    """Rough ellipses, three times as long as wide."""
    around = np.linspace(0.0, 2.0 * np.pi, _VERTICES, endpoint=False)
    radius = length[:, np.newaxis] / 2.0 * (1.0 + 0.04 * rng.standard_normal((len(places), _VERTICES)))
    along, across = radius * np.cos(around), radius * np.sin(around) / 3.0
    cos, sin = np.cos(angle)[:, np.newaxis], np.sin(angle)[:, np.newaxis]
    row_length = 400
    centre = np.column_stack((places % row_length, places // row_length)) * _SPACING_METRES
    points = np.stack((along * cos - across * sin, along * sin + across * cos), axis=-1)
    return np.asarray(shapely.polygons(points + centre[:, np.newaxis, :]))


def main() -> int:
    """Prints the table, or the seconds and gigabytes of one size."""
    if len(sys.argv) == 1:
        measures = tracking() + quality()
        print_table(measures)
        record(measures)
        return 0
    years = inventories(int(sys.argv[1]))
    begin = time.perf_counter()
    tracked = track_inventories(years, TrackingSettings())
    seconds = time.perf_counter() - begin
    print(balance(tracked).to_string(), file=sys.stderr)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
