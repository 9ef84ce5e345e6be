"""Trains a tiny U-Net on made-up patches, alone or with other processes, and stores weights, curves and answers.

Usage: python train_with_others.py FILE.npz LOSS [HOST:PORT,HOST:PORT RANK]
"""

import sys

import numpy as np

from chronoslide.models.team import Team
from chronoslide.models.training import reflectance_of, train
from chronoslide.models.unet import build_unet
from chronoslide.models.workers import together
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import band_statistics
from chronoslide.patches.storage import PatchSet


def main(path: str, loss: str, addresses: str = "", rank: str = "0") -> None:
    rng = np.random.default_rng(8)
    labels = np.zeros((13, 32, 32), dtype=np.uint8)
    for label, (row, col) in zip(labels, rng.integers(0, 20, (13, 2)), strict=True):
        label[row : row + 10, col : col + 10] = 1
    images = (rng.integers(500, 1500, (13, 32, 32, 2)) + 800 * labels[..., None].astype(int)).astype(np.uint16)
    training = PatchSet(images[:9], labels[:9], ("red", "nir"))
    validation = PatchSet(images[9:], labels[9:], ("red", "nir"))
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
