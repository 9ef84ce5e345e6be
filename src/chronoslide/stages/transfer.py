"""`chronoslide transfer`: the pretrained network, retrained inside; beside it a control from random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chronoslide.dataset import read_dataset
from chronoslide.models.architectures import build_network, freeze_encoder
from chronoslide.models.card import require_bands
from chronoslide.models.fitting import fit
from chronoslide.models.storage import load_model
from chronoslide.params import Settings, read_settings
from chronoslide.patches.storage import PatchSet, read_patches, read_statistics
from chronoslide.stages.training_run import keep, patches_text, show_epochs, training_run

MODEL, CONTROL = "transferred", "from_scratch"


def run(root: Path) -> None:
    """Writes `results/models/transferred`, registers `chronoslide-transferred`, and writes the control beside it.

    The transferred network keeps the pretrained one's band statistics, since its weights were fitted to them; the
    control takes those of the investigation area's training patches. The training area's patches that are rehearsed go
    to the transferred network alone.

    Raises:
        DataError: The patches are missing or broken.
        ModelError: The pretrained network is missing or was trained on other bands, or the loss ceases to be a number.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    folder = root / "results/patches/investigation"
    training, validation = (read_patches(folder / subset) for subset in ("train", "validation"))
    model, pretrained = load_model(root / "results/models/pretrained")
    require_bands(pretrained, training.bands)
    optimiser = settings.transfer.optimiser
    network = pretrained.settings
    epochs = optimiser.epochs * network.members
    trained_on = patches_text(dataset, "investigation area", training)
    both = with_rehearsed(root / "results/patches", training, settings)
    rehearsed = f" and {both.n - training.n} of the training area" if both.n > training.n else ""

    with training_run(root, "transfer", settings) as run, show_epochs("transfer", epochs) as on_epoch:
        if settings.transfer.freeze == "encoder":
            freeze_encoder(model)
        fitted = fit(
            model,
            both,
            validation,
            network,
            optimiser,
            pretrained.statistics,
            settings.seed,
            f"{trained_on}{rehearsed}; begun from the pretrained weights ({pretrained.trained_on})",
            on_epoch,
        )
        keep(root / "results/models" / MODEL, fitted, run, f"chronoslide-{MODEL}")
    with (
        training_run(root, "transfer", settings, "transfer from scratch") as run,
        show_epochs("transfer from scratch", epochs) as on_epoch,
    ):
        statistics = read_statistics(folder)
        control = fit(
            build_network(len(training.bands), network, statistics, settings.seed),
            training,
            validation,
            network,
            optimiser,
            statistics,
            settings.seed,
            f"{trained_on}; begun from random weights",
            on_epoch,
        )
        keep(root / "results/models" / CONTROL, control, run)


def with_rehearsed(patches: Path, training: PatchSet, settings: Settings) -> PatchSet:
    """The investigation area's patches and some of the training area's, as many as `transfer.rehearsed_patches`.

    Args:
        patches: Folder of the patches of both sites.
        training: The investigation area's training patches.
        settings: The settings in use; the seed draws which.

    Raises:
        DataError: The training area's patches are missing or broken.
    """
    wanted = settings.transfer.rehearsed_patches
    if not wanted:
        return training
    known = read_patches(patches / "training/train")
    drawn = np.random.default_rng(settings.seed).permutation(known.n)[:wanted]
    return training.joined(known.take(np.sort(drawn)))
