"""What to do with a training once it has ended: weights, threshold, bare ground; F1 of the yearly maps, several seeds.

    python -m experiments.after_training ROOT [--seeds 2023 2024 2025] [--average 0.99] [--table]

ROOT is a clone in which the stages `scenes` and `masks` have run. For each seed it makes patches and trains the
pretrained and the transferred network as the stages do (without the control), following the average of the weights
beside the weights themselves. Both are then mapped, as the network has it and with `map.bare_ground`, and each map is
cut at three thresholds: the best one of the validation patches, the one that `steady_threshold` takes, and 0.5. What
is finished stays in ROOT/search/after_training, so an interrupted call goes on; the table is
`reports/after_training.md`, and `--table` writes it from what is there.

Only the year of the training has a validation in it; all years' labels are looked at to judge, so these are
development figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.dataset import read_dataset
from chronoslide.files import write_json, write_text
from chronoslide.mapping.bare_ground import bare_weight, greenness_rows
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.strips import rounded
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.architectures import build_network
from chronoslide.models.fitting import predict_patches
from chronoslide.models.metrics import best_threshold
from chronoslide.models.prediction import predictor
from chronoslide.models.settling import settle
from chronoslide.models.thresholds import steady_threshold
from chronoslide.models.training import train
from chronoslide.params import BareGroundSettings, OptimiserSettings, Settings, read_settings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet, read_patches, read_statistics
from chronoslide.scenes.scene import read_scene
from chronoslide.stages.patches import make_patches
from chronoslide.stages.transfer import with_rehearsed
from experiments.judging import f1_of_years, held_out_ground

FOLDER: Final = "search/after_training"
REPORT: Final = "reports/after_training.md"
WEIGHTS: Final = ("last", "averaged")
GROUNDS: Final = ("plain", "bare ground")
THRESHOLDS: Final = ("best", "steady", "0.5")


def main() -> None:
    """Trains what is missing and writes the table."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("root", type=Path, help="a clone in which `scenes` and `masks` have run")
    words.add_argument("--seeds", type=int, nargs="+", default=[2023, 2024, 2025])
    words.add_argument("--average", type=float, default=0.99, help="momentum of the average of weights (0.99)")
    words.add_argument("--table", action="store_true", help="train nothing, write the table of what is there")
    arguments = words.parse_args()
    root = arguments.root.resolve()
    settings = read_settings(root / "params.yaml")
    folder = root / FOLDER
    if not arguments.table:
        for seed in arguments.seeds:
            if not (folder / f"{seed}.json").exists():
                write_json(folder / f"{seed}.json", of_seed(root, settings, seed, arguments.average, folder))
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    write_text(root / REPORT, report(records, read_dataset(root / "data").provenance))
    print(root / REPORT)


def of_seed(root: Path, settings: Settings, seed: int, average: float, folder: Path) -> dict[str, Any]:
    """Trains with a seed; the thresholds and every year's F1 for each choice of weights and threshold."""
    settings = settings.model_copy(update={"seed": seed})
    patches = folder / f"patches-{seed}"
    if not (patches / "summary.json").exists():
        make_patches(root, settings, patches)
    started = time.perf_counter()
    found, statistics = trained(patches, settings, average)
    minutes = (time.perf_counter() - started) / 60
    return {"average": average, "minutes": round(minutes, 1), **answers(root, settings, found, statistics, patches)}


def answers(
    root: Path, settings: Settings, found: dict[str, keras.Model], statistics: BandStatistics, patches: Path
) -> dict[str, Any]:
    """Thresholds, and every year's F1, of networks that differ in their weights alone."""
    investigation = patches / "investigation"
    validation = read_patches(investigation / "validation")
    held_out = held_out_ground(patches)
    weight = bare_ground_weight(root, settings)
    chosen, f1 = {}, {}
    for weights, model in found.items():
        chosen[weights] = thresholds(model, validation, statistics)
        plain = mapped(root, settings, model, statistics)
        of_maps = {"plain": plain, "bare ground": {year: rounded(map_ * weight) for year, map_ in plain.items()}}
        by_threshold = chosen[weights].items()
        f1[weights] = {
            ground: {name: f1_of_years(root, settings, maps, value, held_out) for name, value in by_threshold}
            for ground, maps in of_maps.items()
        }
        print(json.dumps({"seed": settings.seed, "weights": weights, **f1[weights]}), flush=True)
    return {"thresholds": chosen, "f1": f1}


def bare_ground_weight(root: Path, settings: Settings) -> NDArray[np.float32]:
    """What the probabilities of all years are multiplied with by `map.bare_ground`, (rows, cols)."""
    section = settings.map.bare_ground or BareGroundSettings()
    scenes = [read_scene(path) for path in sorted((root / "results/scenes/investigation").glob("*.tif"))]
    return bare_weight(np.concatenate(list(greenness_rows(scenes, section.minimum_years))), section)


def trained(patches: Path, settings: Settings, average: float) -> tuple[dict[str, keras.Model], BandStatistics]:
    """The transferred network with each choice of weights, and what it standardises reflectance with.

    The pretrained weights to begin with are the averaged ones.
    """
    settled = settle(settings.pretrain, {})
    outside, inside = patches / "training", patches / "investigation"
    training, validation = (read_patches(outside / subset) for subset in ("train", "validation"))
    statistics = read_statistics(outside)
    model = build_network(len(training.bands), settled.model, statistics, settings.seed)

    def averaging(optimiser: OptimiserSettings) -> OptimiserSettings:
        return optimiser.model_copy(update={"average": average, "keep": "last"})

    train(model, training, validation, averaging(settled.optimiser), statistics, settings.seed)
    training, validation = (read_patches(inside / subset) for subset in ("train", "validation"))
    last: list[NDArray[Any]] = []

    def keep_last(_: dict[str, float]) -> None:
        last[:] = model.get_weights()

    both = with_rehearsed(patches, training, settings)
    train(model, both, validation, averaging(settings.transfer.optimiser), statistics, settings.seed, keep_last)
    unaveraged = build_network(len(training.bands), settled.model, statistics, settings.seed)
    unaveraged.set_weights(last)
    return dict(zip(WEIGHTS, (unaveraged, model), strict=True)), statistics


def thresholds(model: keras.Model, validation: PatchSet, statistics: BandStatistics) -> dict[str, float]:
    """What each rule takes."""
    probability, labels = predict_patches(model, validation, statistics), np.asarray(validation.labels)
    values = (best_threshold(probability, labels).value, steady_threshold(probability, labels).value, 0.5)
    return dict(zip(THRESHOLDS, values, strict=True))


def mapped(
    root: Path, settings: Settings, model: keras.Model, statistics: BandStatistics
) -> dict[int, NDArray[np.float32]]:
    """The probability of every year."""
    predict = over_symmetries(predictor(model), settings.map.symmetries)
    paths = sorted((root / "results/scenes/investigation").glob("*.tif"))
    return {int(path.stem): map_scene(read_scene(path), predict, statistics, settings.map) for path in paths}


def report(records: dict[str, dict[str, Any]], provenance: str) -> str:
    """The tables in Markdown: each choice over the seeds, and what each seed's thresholds were."""
    lines = [
        "# Which weights, which threshold, and what several years say of bare ground",
        "",
        f"**{provenance.upper()} data.** F1 of the transferred model's full yearly maps (of the year of the training: "
        "its held-out blocks), mean over the years, for each seed, which also draws blocks and patches. One training a "
        "seed; its weights are taken as they were last, or averaged over the steps until then. "
        "The threshold is the best one of the validation patches, the nearest to 0.5 within one standard error of it "
        "(steady), or 0.5. Maps are the network's (plain), or lowered where ground stayed bare through the years "
        "(`map.bare_ground`). All years' labels were looked at to judge, and the limits of bare ground were chosen on "
        "training and validation ground of the year of the training, with the other years in view.",
        "",
        f"| maps | weights | threshold | mean | worst year | {' | '.join(f'{seed}: mean, worst' for seed in records)} "
        "|",
        f"| --- | --- | --- | ---: | ---: | {' | '.join('---:' for _ in records)} |",
    ]
    for ground, weights, threshold in itertools.product(GROUNDS, WEIGHTS, THRESHOLDS):
        years = np.array([list(record["f1"][weights][ground][threshold].values()) for record in records.values()])
        of_seeds = " | ".join(f"{row.mean():.3f}, {row.min():.3f}" for row in years)
        worst = years.mean(axis=0).min()
        lines.append(f"| {ground} | {weights} | {threshold} | {years.mean():.3f} | {worst:.3f} | {of_seeds} |")
    lines += [
        "",
        "The worst year is that of the mean over the seeds. Thresholds: "
        + "; ".join(
            f"{seed}: "
            + ", ".join(
                f"{weights} {values['best']:.2f} (best) and {values['steady']:.2f} (steady)"
                for weights, values in record["thresholds"].items()
            )
            for seed, record in records.items()
        )
        + ".",
        "",
        "`python -m experiments.after_training ROOT` repeats it.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
