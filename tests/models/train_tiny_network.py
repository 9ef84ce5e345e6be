"""Trains a tiny U-Net on made-up patches and stores it; run twice, it must leave the same bytes.

Usage: python train_tiny_network.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np

from chronoslide.models.card import ModelCard
from chronoslide.models.storage import save_model
from chronoslide.models.training import train
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import band_statistics
from chronoslide.patches.storage import PatchSet


def main(folder: Path) -> None:
    rng = np.random.default_rng(8)
    labels = np.zeros((12, 64, 64), dtype=np.uint8)
    for label, (row, col) in zip(labels, rng.integers(0, 40, (12, 2)), strict=True):
        label[row : row + 20, col : col + 20] = 1
    images = (rng.integers(500, 1500, (12, 64, 64, 2)) + 800 * labels[..., None].astype(int)).astype(np.uint16)
    training = PatchSet(images[:8], labels[:8], ("red", "nir"))
    validation = PatchSet(images[8:], labels[8:], ("red", "nir"))
    statistics = band_statistics(training.images, training.labels != 255, training.bands)
    shape = ModelSettings(filters=4, dropout=0.2)
    optimiser = OptimiserSettings(epochs=2, batch_patches=4)

    model = build_unet(2, shape, statistics, seed=5)
    history = train(model, training, validation, optimiser, statistics, seed=5)
    card = ModelCard(
        settings=shape,
        bands=training.bands,
        mean=statistics.mean,
        standard_deviation=statistics.standard_deviation,
        side_pixels=64,
        false_positive_weight=optimiser.false_positive_weight,
        seed=5,
        trained_on="made-up squares",
    )
    save_model(folder, model, card, {"history.csv": history.table().to_csv(index=False, lineterminator="\n")})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
