"""What is pretraining on somebody's patch set worth? Three-band models with and without it, on the held-out blocks.

    python -m experiments.pretraining_on_patch_sets REPOSITORY PATCH_SET [--seeds 2] [--out reports/FILE.md]

REPOSITORY is one whose stage `patches` has run; nothing in it is changed. PATCH_SET is a folder that
`pretrain.sources` takes. Of the repository's patches only red, green and blue are used. Three ways of pretraining are
compared: on the training area, on the training area for as many steps as the third way takes in all, and on the patch
set and then the training area. Each is then transferred to the reference year as `chronoslide transfer` does, and
judged on the patches of the test blocks, one patch a block, before and after, at the threshold that suits its
validation patches best.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from chronoslide.dataset import read_dataset
from chronoslide.files import write_text
from chronoslide.labels import UNOBSERVED
from chronoslide.models.fitting import Fitted, fit, predict_patches
from chronoslide.models.intervals import BlockCounts, block_counts, bootstrap_difference, bootstrap_interval
from chronoslide.models.metrics import f1
from chronoslide.models.settling import settle
from chronoslide.models.training import train
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings, OptimiserSettings, Settings, SourceSettings, read_settings
from chronoslide.patches.scaling import BandStatistics, band_statistics
from chronoslide.patches.source_reading import ReadSource, mixtures, read_sources
from chronoslide.patches.storage import PatchSet, read_patches, read_samples

BANDS = ("red", "green", "blue")
ALONE, LONGER, SOURCES = "training area", "training area, as many steps", "patch set, then training area"
WAYS = (ALONE, LONGER, SOURCES)
STEPS = ("pretrained", "transferred")


def main() -> None:
    """Trains, judges and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("patch_set", type=Path)
    parser.add_argument("--seeds", type=int, default=2, help="repetitions, with successive seeds")
    parser.add_argument("--filters", type=int, default=8, help="width of the network's first level")
    parser.add_argument("--epochs", type=int, default=10, help="on the training area; as many on the patch set")
    parser.add_argument("--transfer-epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("reports/pretraining_on_patch_sets.md"))
    arguments = parser.parse_args()
    settings = read_settings(arguments.repository / "params.yaml")
    settled = settle(settings.pretrain, {})
    model = settled.model.model_copy(update={"filters": arguments.filters})
    optimiser = settled.optimiser.model_copy(update={"epochs": arguments.epochs})
    transfer = settings.transfer.optimiser.model_copy(update={"epochs": arguments.transfer_epochs})
    patches = arguments.repository / "results/patches"
    area, inside = (
        {part: _three_bands(read_patches(patches / site / part)) for part in parts}
        for site, parts in (("training", ("train", "validation")), ("investigation", ("train", "validation", "test")))
    )
    statistics = _statistics(area["train"], patches / "training/train")
    source = SourceSettings(path=arguments.patch_set.name)
    started = time.process_time()
    sources = read_sources(arguments.patch_set.parent, [source], statistics, area["train"].side, settings.seed)
    found: dict[tuple[str, str], list[BlockCounts]] = {(step, way): [] for step in STEPS for way in WAYS}
    for seed in range(settings.seed, settings.seed + arguments.seeds):
        for way in tqdm(WAYS, desc=f"seed {seed}"):
            network = build_unet(len(BANDS), model, statistics, seed)
            fitting = optimiser
            if way == LONGER:
                fitting = optimiser.model_copy(update={"epochs": 2 * arguments.epochs})
            if way == SOURCES:
                _on_sources(network, sources, area["train"].n, optimiser, statistics, seed)
            for step, parts, optimised in ((STEPS[0], area, fitting), (STEPS[1], inside, transfer)):
                fitted = _fit(network, parts, model, optimised, statistics, seed)
                found[step, way].append(_judge(fitted, inside["test"], statistics))
    minutes = (time.process_time() - started) / 60
    provenance = read_dataset(arguments.repository / "data").provenance
    report = _report(
        found, settings, sources[0], (arguments, optimiser, transfer), provenance, minutes, area["train"].n
    )
    write_text(arguments.out, report)
    print(arguments.out)


def _three_bands(patches: PatchSet) -> PatchSet:
    places = [patches.bands.index(band) for band in BANDS]
    return PatchSet(np.ascontiguousarray(patches.images[..., places]), np.asarray(patches.labels), BANDS)


def _statistics(training: PatchSet, folder: Path) -> BandStatistics:
    """Of the originals, as the stage `patches` takes them."""
    originals = training.take(np.flatnonzero(read_samples(folder)["copy"].to_numpy() == 0))
    return band_statistics(originals.images, originals.labels != UNOBSERVED, BANDS)


def _on_sources(
    network: keras.Model,
    sources: Sequence[ReadSource],
    patches: int,
    optimiser: OptimiserSettings,
    statistics: BandStatistics,
    seed: int,
) -> None:
    training, validation = mixtures(sources, patches, statistics, seed)
    train(network, training, validation, optimiser, statistics, seed)


def _fit(
    network: keras.Model,
    parts: Mapping[str, PatchSet],
    model: ModelSettings,
    optimiser: OptimiserSettings,
    statistics: BandStatistics,
    seed: int,
) -> Fitted:
    return fit(network, parts["train"], parts["validation"], model, optimiser, statistics, seed, "an experiment")


def _judge(fitted: Fitted, test: PatchSet, statistics: BandStatistics) -> BlockCounts:
    predicted = predict_patches(fitted.model, test, statistics) >= fitted.threshold.value
    blocks = np.broadcast_to(np.arange(test.n)[:, np.newaxis, np.newaxis], test.labels.shape)
    return block_counts(predicted, np.asarray(test.labels), blocks)


def _together(counts: Sequence[BlockCounts]) -> BlockCounts:
    """The counts of several seeds on the same blocks."""
    return BlockCounts(counts[0].blocks, np.sum([each.table for each in counts], axis=0))


def _report(
    found: Mapping[tuple[str, str], Sequence[BlockCounts]],
    settings: Settings,
    source: ReadSource,
    used: tuple[argparse.Namespace, OptimiserSettings, OptimiserSettings],
    provenance: str,
    minutes: float,
    patches: int,
) -> str:
    arguments, optimiser, transfer = used
    section = settings.evaluate
    drawn = (section.bootstrap_samples, section.confidence, settings.seed)
    blocks = len(found[STEPS[0], ALONE][0].blocks)
    lines = [
        "# Pretraining on a patch set made by others",
        "",
        f"Made by `python -m experiments.pretraining_on_patch_sets` with {arguments.seeds} seeds. The patch set is "
        f"real ({source.name}: {source.chip_set.units.name}, {source.training.n} patches to train on, "
        f"{source.validation.n} to choose weights by); training and investigation area are **{provenance.upper()} "
        f"data**, in the bands {', '.join(BANDS)}. A U-Net of f = {arguments.filters}; {optimiser.epochs} epochs of "
        f"{patches} patches on the training area, as many on the patch set, {transfer.epochs} epochs for the transfer, "
        f"in steps of {optimiser.batch_patches} patches. The way called '{LONGER}' has {2 * optimiser.epochs} epochs "
        f"on the training area: the budget of the way with the patch set. {minutes:.0f} processor minutes in all.",
        "",
        f"F1 on the held-out blocks of {settings.reference_year} ({blocks} blocks), counts of all seeds together, with "
        f"{section.confidence:.0%} intervals (bootstrap over blocks); differences are paired, block by block. The "
        "intervals say how the ground matters, not how another seed would; the seeds stand beside.",
        "",
        "| | " + " | ".join(WAYS) + " | gain | gain at the same budget |",
        "| --- |" + " ---: |" * (len(WAYS) + 2),
    ]
    for step in STEPS:
        cells = []
        for way in WAYS:
            interval = bootstrap_interval(_together(found[step, way]), f1, *drawn)
            seeds = ", ".join(f"{each.total.f1:.3f}" for each in found[step, way])
            cells.append(f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f}); seeds {seeds}")
        for other in (ALONE, LONGER):
            first, second = _together(found[step, SOURCES]), _together(found[step, other])
            gain = bootstrap_difference(first, second, f1, *drawn)
            cells.append(f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
