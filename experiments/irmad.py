"""Does IR-MAD normalise better than histogram matching? The transferred model on scenes normalised in several ways.

    python -m experiments.irmad REPOSITORY [--out reports/irmad.md]

REPOSITORY is one whose pipeline has run. Nothing in it is changed. Normalisation touches all years but the reference
year, and the models saw the reference year alone: they are used as they are, and only scenes and maps are made anew.
The maps by its own way of normalising are the repository's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chronoslide.dataset import read_dataset
from chronoslide.evaluation.ground import number_blocks
from chronoslide.files import write_text
from chronoslide.inventories.vectorising import binarise
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.intervals import BlockCounts, block_counts, bootstrap_difference, bootstrap_interval
from chronoslide.models.metrics import f1
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import load_model
from chronoslide.params import Settings, read_settings
from chronoslide.rasters import read_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.stages import scenes

MODEL = "transferred"
CONTROL = "histogram"
WAYS: dict[str, dict[str, Any]] = {
    "none": {"normalisation": "none"},
    CONTROL: {"normalisation": "histogram"},
    "irmad, as published": {"normalisation": "irmad", "irmad_window_metres": 0.0},
    "irmad, contrast within 200 m": {"normalisation": "irmad", "irmad_window_metres": 200.0},
}
QUESTIONED = tuple(name for name, changes in WAYS.items() if changes["normalisation"] == "irmad")


@dataclass(frozen=True)
class Finding:
    """What a way of normalising led to."""

    counts: Mapping[int, BlockCounts]
    radiometry: pd.DataFrame


def main() -> None:
    """Runs the experiment and writes its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--out", type=Path, default=Path("reports/irmad.md"))
    arguments = parser.parse_args()
    repository = arguments.repository.resolve()
    settings = read_settings(repository / "params.yaml")
    findings: dict[str, Finding] = {}
    if settings.scenes.normalisation != CONTROL:
        parser.error(f"{repository}: was run with scenes.normalisation {settings.scenes.normalisation}, not {CONTROL}")
    for name, changes in WAYS.items():
        section = settings.scenes.model_copy(update=changes)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            scenes.make_scenes(repository, settings.model_copy(update={"scenes": section}), made)
            counts = dict(_judged(repository, settings, None if name == CONTROL else made / "investigation"))
            findings[name] = Finding(counts, pd.read_csv(made / "normalisation.csv"))
    write_text(arguments.out, _report(findings, settings, read_dataset(repository / "data").provenance))


def _judged(repository: Path, settings: Settings, made: Path | None) -> Iterator[tuple[int, BlockCounts]]:
    """Each year, and the counts of its map against its manual inventory, block by block.

    The map is made of the scenes in `made`; without them, it is the repository's own.
    """
    model, card = load_model(repository / "results/models" / MODEL)
    predict = over_symmetries(predictor(model), settings.map.symmetries)
    threshold = card.threshold_in_use(settings.inventory.threshold)
    for path in sorted((repository / "results/maps" / MODEL).glob("*.tif")):
        mask = repository / "results/masks/investigation" / path.name
        if int(path.stem) == settings.reference_year or not mask.exists():
            continue
        if made is None:
            own = read_raster(path)
            probability, grid = own.values[..., 0].astype(np.float32), own.grid
        else:
            scene = read_scene(made / path.name)
            probability, grid = map_scene(scene, predict, card.statistics, settings.map), scene.grid
        predicted = binarise(probability, threshold, settings.inventory.minimum_area_m2, grid)
        labels = read_raster(mask).values[..., 0].astype(np.uint8)
        yield int(path.stem), block_counts(predicted, labels, number_blocks(grid, settings.evaluate.block_metres))


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
    tables = {name: finding.radiometry.set_index(["year", "band"]) for name, finding in findings.items()}
    for place in tables[CONTROL].index:
        cells = [f"{table.loc[place, 'unchanged_rmse_after']:.4f}" for table in tables.values()]
        for name in QUESTIONED:
            gain, offset = tables[name].loc[place, ["gain", "offset"]]
            cells.append(f"{gain:.3f}, {offset:+.4f}")
        lines.append(f"| {place[0]} | {place[1]} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
