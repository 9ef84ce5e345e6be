"""Trains a tiny U-Net on made-up patches and stores it; run twice, it must leave the same bytes.

Usage: python train_tiny_network.py FOLDER
"""

import sys
from pathlib import Path

from made_up_squares import squares

from chronoslide.models.card import ModelCard
from chronoslide.models.storage import save_model
from chronoslide.models.training import train
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import band_statistics


def main(folder: Path) -> None:
    training, validation = squares(8, 4, side=64, square=20)
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
