"""Trains a tiny U-Net on made-up patches, alone or with other processes, and stores weights, curves and answers.

Usage: python train_with_others.py FILE.npz LOSS [HOST:PORT,HOST:PORT RANK]
"""

import sys

import numpy as np
from made_up_squares import squares

from chronoslide.models.team import Team
from chronoslide.models.training import reflectance_of, train
from chronoslide.models.unet import build_unet
from chronoslide.models.workers import together
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import band_statistics


def main(path: str, loss: str, addresses: str = "", rank: str = "0") -> None:
    training, validation = squares(9, 4, side=32, square=10)
    statistics = band_statistics(training.images, training.labels != 255, training.bands)
    # Batches of five and four patches: two processes have parts of unequal size.
    optimiser = OptimiserSettings(epochs=2, batch_patches=5, learning_rate=0.001, loss=loss, average=0.5, orient=True)

    with together(Team(tuple(addresses.split(",")), int(rank)) if addresses else None):
        model = build_unet(2, ModelSettings(filters=4), statistics, seed=5)
        history = train(model, training, validation, optimiser, statistics, seed=5)
    answers = model.predict_on_batch(reflectance_of(validation, statistics))
    curves = history.table()[["loss", "val_loss"]].to_numpy()
    np.savez(path, curves=curves, answers=answers, **{str(i): weight for i, weight in enumerate(model.get_weights())})


if __name__ == "__main__":
    main(*sys.argv[1:])
