"""Does IR-MAD normalise better than histogram matching? The transferred model on scenes normalised in several ways.

    python -m experiments.irmad REPOSITORY [--out reports/irmad.md]

REPOSITORY is one whose pipeline has run. Nothing in it is changed. Normalisation touches all years but the reference
year, and the models saw the reference year alone: they are used as they are, and only scenes and maps are made anew.
The maps by its own way of normalising are the repository's.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import Dataset, read_dataset
from chronoslide.evaluation.ground import number_blocks
from chronoslide.files import write_text
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import binarise
from chronoslide.manual_inventories import read_inventory
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.intervals import BlockCounts, block_counts, bootstrap_difference, bootstrap_interval
from chronoslide.models.metrics import f1
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import load_model
from chronoslide.params import Settings, read_settings
from chronoslide.rasters import read_raster
from chronoslide.scenes.deliveries import read_tile
from chronoslide.scenes.mosaic import mosaic
from chronoslide.scenes.normalisation import Method, mapped_landslides, normalise
from chronoslide.scenes.scene import SCALE, Scene, read_scene

MODEL = "transferred"
CONTROL = "histogram"
# Name of the way: method, width of the window of local contrast.
WAYS: dict[str, tuple[Method, float]] = {
    "none": ("none", 0.0),
    CONTROL: ("histogram", 0.0),
    "irmad, as published": ("irmad", 0.0),
    "irmad, contrast within 200 m": ("irmad", 200.0),
}
QUESTIONED = tuple(name for name, (method, _) in WAYS.items() if method == "irmad")


@dataclass
class Finding:
    """What a way of normalising led to, year by year.

    Attributes:
        counts: Of the map against the manual inventory, block by block.
        radiometry: The tables of the normalisation.
    """

    counts: dict[int, BlockCounts] = field(default_factory=dict)
    radiometry: dict[int, pd.DataFrame] = field(default_factory=dict)


def main() -> None:
    """Runs the experiment and writes its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--out", type=Path, default=Path("reports/irmad.md"))
    arguments = parser.parse_args()
    repository = arguments.repository
    settings, dataset = read_settings(repository / "params.yaml"), read_dataset(repository / "data")
    if settings.scenes.normalisation != CONTROL:
        parser.error(f"{repository}: was run with scenes.normalisation {settings.scenes.normalisation}, not {CONTROL}")
    model, card = load_model(repository / "results/models" / MODEL)
    predict = over_symmetries(predictor(model), settings.map.symmetries)
    threshold = card.threshold_in_use(settings.inventory.threshold)
    reference = read_scene(repository / f"results/scenes/investigation/{settings.reference_year}.tif")
    blocks = number_blocks(reference.grid, settings.evaluate.block_metres)
    findings = {name: Finding() for name in WAYS}
    for year in tqdm(_years(repository, dataset, settings), unit=" years"):
        scene, landslides = _delivered(repository, dataset, settings, year, reference.grid)
        labels = read_raster(repository / f"results/masks/investigation/{year}.tif").values[..., 0].astype(np.uint8)
        for name, (method, window_metres) in WAYS.items():
            contrast = round(window_metres / reference.grid.resolution[0])
            normalised, table = normalise(scene, reference, method, str(year), landslides, contrast)
            if name == CONTROL:
                probability = read_raster(repository / f"results/maps/{MODEL}/{year}.tif").values[..., 0]
            else:
                probability = map_scene(_stored(normalised), predict, card.statistics, settings.map)
            predicted = binarise(
                probability.astype(np.float32), threshold, settings.inventory.minimum_area_m2, reference.grid
            )
            findings[name].counts[year] = block_counts(predicted, labels, blocks)
            findings[name].radiometry[year] = table
    write_text(arguments.out, _report(findings, settings, dataset.provenance))


def _years(repository: Path, dataset: Dataset, settings: Settings) -> list[int]:
    """The years with a manual inventory, but for the reference year."""
    years = dataset.sites["investigation"].years
    masked = [year for year in years if (repository / f"results/masks/investigation/{year}.tif").exists()]
    return sorted(set(masked) - {settings.reference_year})


def _delivered(
    repository: Path, dataset: Dataset, settings: Settings, year: int, grid: Grid
) -> tuple[Scene, NDArray[np.bool_]]:
    """A year's scene before normalisation, and where landslides were mapped by hand in it or the reference year."""
    data, bands = repository / "data", settings.scenes.bands
    acquisitions = dataset.year("investigation", year).acquisitions
    scene = mosaic((read_tile(data, each, dataset, bands, grid).scene for each in acquisitions), grid, bands)
    landslides = np.zeros(grid.shape, dtype=bool)
    for each in (year, settings.reference_year):
        inventory = dataset.year("investigation", each).inventory
        if inventory is not None:
            landslides |= mapped_landslides(read_inventory(data, inventory, each), grid)
    return scene, landslides


def _stored(scene: Scene) -> Scene:
    """The scene in the steps that it is stored in."""
    reflectance = (np.rint(scene.reflectance * SCALE) / SCALE).astype(np.float32)
    return Scene(reflectance, scene.valid, scene.grid, scene.bands)


def _report(findings: Mapping[str, Finding], settings: Settings, provenance: str) -> str:
    section, seed = settings.evaluate, settings.seed
    drawn = (section.bootstrap_samples, section.confidence, seed)
    lines = [
        "# IR-MAD against histogram matching",
        "",
        f"**{provenance.upper()} data.** Made by `python -m experiments.irmad`. The same model ({MODEL}), threshold "
        f"and minimum mapping unit on scenes normalised in several ways. F1 of the full maps with "
        f"{section.confidence:.0%} intervals (bootstrap over blocks of {section.block_metres:g} m); the differences to "
        f"{CONTROL} are paired, block by block. {settings.reference_year} is the reference year: its scene is the same "
        "in all.",
        "",
        "| Year | " + " | ".join((*WAYS, *(f"{name}: difference" for name in QUESTIONED))) + " |",
        "| --- |" + " ---: |" * (len(WAYS) + len(QUESTIONED)),
    ]
    means: dict[str, list[float]] = {name: [] for name in WAYS}
    for year in sorted(findings[CONTROL].counts):
        cells = []
        for name in WAYS:
            interval = bootstrap_interval(findings[name].counts[year], f1, *drawn)
            means[name].append(interval.value)
            cells.append(f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})")
        for name in QUESTIONED:
            gain = bootstrap_difference(findings[name].counts[year], findings[CONTROL].counts[year], f1, *drawn)
            cells.append(f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        lines.append(f"| {year} | " + " | ".join(cells) + " |")
    mean = {name: float(np.mean(values)) for name, values in means.items()}
    cells = [f"{value:.3f}" for value in mean.values()]
    cells += [f"{mean[name] - mean[CONTROL]:+.3f}" for name in QUESTIONED]
    lines.append("| mean | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_radiometry(findings)]) + "\n"


def _radiometry(findings: Mapping[str, Finding]) -> list[str]:
    lines = [
        "## Distance of unchanged ground from the reference year",
        "",
        "Root mean square over pixels outside of mapped landslides that the other bands call unchanged (so that no "
        "band chooses the pixels it is judged by), in reflectance. A low distance alone is no merit: where haze hides "
        "the ground's pattern, a gain that is too low brings pixels nearest, and takes the contrast away.",
        "",
        "| Year | Band | " + " | ".join((*WAYS, *(f"{name}: gain, offset" for name in QUESTIONED))) + " |",
        "| --- | --- |" + " ---: |" * (len(WAYS) + len(QUESTIONED)),
    ]
    for year, bands in findings[CONTROL].radiometry.items():
        for band in bands.index:
            rows = {name: finding.radiometry[year].loc[band] for name, finding in findings.items()}
            cells = [f"{row['unchanged_rmse_after']:.4f}" for row in rows.values()]
            cells += [f"{rows[name]['gain']:.3f}, {rows[name]['offset']:+.4f}" for name in QUESTIONED]
            lines.append(f"| {year} | {band} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
