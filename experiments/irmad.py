"""Does IR-MAD normalise better than histogram matching? The transferred model on scenes normalised in both ways.

    python -m experiments.irmad REPOSITORY [--out reports/irmad.md]

REPOSITORY is one whose pipeline has run. Nothing in it is changed. Normalisation touches all years but the reference
year, and the models saw the reference year alone: they are used as they are, and only scenes and maps are made anew.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.dataset import read_dataset
from chronoslide.evaluation.ground import number_blocks
from chronoslide.files import write_text
from chronoslide.grid import Grid
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
METHODS = ("none", "histogram", "irmad")
CONTROL, QUESTIONED = "histogram", "irmad"


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
    for method in METHODS:
        section = settings.scenes.model_copy(update={"normalisation": method})
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder)
            scenes.make_scenes(repository, settings.model_copy(update={"scenes": section}), made)
            counts = dict(_mapped(repository, made / "investigation", settings))
            findings[method] = Finding(counts, pd.read_csv(made / "normalisation.csv"))
    write_text(arguments.out, _report(findings, settings, read_dataset(repository / "data").provenance))


def _mapped(repository: Path, made: Path, settings: Settings) -> Iterator[tuple[int, BlockCounts]]:
    """Each year, and the counts of its new map against its manual inventory, block by block."""
    model, card = load_model(repository / "results/models" / MODEL)
    predict = over_symmetries(predictor(model), settings.map.symmetries)
    for path in sorted(made.glob("*.tif")):
        mask = repository / "results/masks/investigation" / path.name
        if int(path.stem) == settings.reference_year or not mask.exists():
            continue
        scene = read_scene(path)
        probability = map_scene(scene, predict, card.statistics, settings.map)
        predicted = _landslides(probability, card.threshold_in_use(settings.inventory.threshold), settings, scene.grid)
        labels = read_raster(mask).values[..., 0].astype(np.uint8)
        blocks = number_blocks(scene.grid, settings.evaluate.block_metres)
        yield int(path.stem), block_counts(predicted, labels, blocks)


def _landslides(
    probability: NDArray[np.float32], threshold: float, settings: Settings, grid: Grid
) -> NDArray[np.bool_]:
    return binarise(probability, threshold, settings.inventory.minimum_area_m2, grid)


def _report(findings: Mapping[str, Finding], settings: Settings, provenance: str) -> str:
    section, seed = settings.evaluate, settings.seed
    lines = [
        "# IR-MAD against histogram matching",
        "",
        f"**{provenance.upper()} data.** Made by `python -m experiments.irmad`. The same model ({MODEL}), threshold "
        f"and minimum mapping unit on scenes normalised in three ways. F1 of the full maps with "
        f"{section.confidence:.0%} intervals (bootstrap over blocks of {section.block_metres:g} m); the difference is "
        f"paired, block by block. {settings.reference_year} is the reference year: its scene is the same in all.",
        "",
        f"| Year | {' | '.join(METHODS)} | {QUESTIONED} minus {CONTROL} |",
        "| --- |" + " ---: |" * (len(METHODS) + 1),
    ]
    means: dict[str, list[float]] = {method: [] for method in METHODS}
    for year in sorted(findings[CONTROL].counts):
        cells = []
        for method in METHODS:
            counts = findings[method].counts[year]
            interval = bootstrap_interval(counts, f1, section.bootstrap_samples, section.confidence, seed)
            means[method].append(interval.value)
            cells.append(f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})")
        mine, other = findings[QUESTIONED].counts[year], findings[CONTROL].counts[year]
        gain = bootstrap_difference(mine, other, f1, section.bootstrap_samples, section.confidence, seed)
        cells.append(f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        lines.append(f"| {year} | " + " | ".join(cells) + " |")
    mean = {method: float(np.mean(values)) for method, values in means.items()}
    lines.append(
        "| mean | "
        + " | ".join(f"{mean[method]:.3f}" for method in METHODS)
        + f" | {mean[QUESTIONED] - mean[CONTROL]:+.3f} |"
    )
    lines += [
        "",
        "## Distance of unchanged pixels from the reference year",
        "",
        "Root mean square over pixels outside of mapped landslides that the other bands call unchanged (so that no "
        "band chooses the pixels it is judged by), in reflectance: before normalisation, then after it.",
        "",
        "| Year | Band | before | histogram | irmad | gain | offset |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    together = findings[QUESTIONED].radiometry.merge(
        findings[CONTROL].radiometry, on=["year", "band"], suffixes=("", "_control")
    )
    lines += [
        f"| {row.year} | {row.band} | {row.unchanged_rmse_before:.4f} | {row.unchanged_rmse_after_control:.4f} | "
        f"{row.unchanged_rmse_after:.4f} | {row.gain:.3f} | {row.offset:+.4f} |"
        for row in together.itertuples()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
