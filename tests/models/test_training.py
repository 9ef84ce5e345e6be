import hashlib
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.architectures import freeze_encoder
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.training import reflectance_of, train
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.1, 0.1), (0.05, 0.05))


def patches(n, seed, landslide=1, side=16):
    """Bright squares on dark ground, the labels of which are `landslide` and its opposite; two rows are unobserved."""
    rng = np.random.default_rng(seed)
    square = np.zeros((n, side, side), dtype=bool)
    for patch, (row, col) in zip(square, rng.integers(2, side // 2, (n, 2)), strict=True):
        patch[row : row + side // 2, col : col + side // 2] = True
    images = np.where(square, 2000, 600)[..., None] + rng.integers(0, 300, (n, side, side, 2))
    labels = np.where(square, landslide, 1 - landslide).astype(np.uint8)
    labels[:, :2], images[:, :2] = 255, 0
    return PatchSet(images.astype(np.uint16), labels, BANDS)


def one_pixel_network():
    """Sees one pixel at a time: enough for what training itself does, and quick to compile."""
    image = keras.Input((None, None, 2))
    head = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer="zeros")
    return keras.Model(image, head(keras.layers.Rescaling(10.0, -1.0)(image)))


def settings(**changes):
    return OptimiserSettings(**{"epochs": 5, "batch_patches": 4, "learning_rate": 0.1, **changes})


@pytest.fixture(scope="module")
def trained():
    model, told = one_pixel_network(), []
    history = train(model, patches(10, 1), patches(5, 2), settings(epochs=15), STATISTICS, 3, told.append)
    return model, history, told


@pytest.fixture(scope="module")
def misled():
    """What is landslide in training is background in validation: each epoch makes the validation loss higher."""
    model = one_pixel_network()
    changes = {"epochs": 9, "stopping_patience": 6, "plateau_patience": 2, "plateau_factor": 0.1}
    changes |= {"minimum_learning_rate": 0.005}
    history = train(model, patches(10, 1), patches(5, 2, landslide=0), settings(**changes), STATISTICS, seed=3)
    return model, history


def test_a_network_learns_bright_squares(trained):
    _, history, _ = trained
    assert history.epochs[-1].loss < 0.5 * history.epochs[0].loss
    assert history.best.val_f1 > 0.99
    assert history.best.val_precision > 0.99


def test_each_epoch_is_told_with_its_seconds_which_the_table_leaves_out(trained):
    _, history, told = trained
    assert [row["epoch"] for row in told] == list(range(1, 16))
    assert all(row["seconds"] > 0 for row in told)
    assert [row["seconds"] for row in told] == list(history.seconds)
    table = history.table()
    assert "seconds" not in table
    assert table["val_loss"].tolist() == [round(row["val_loss"], 6) for row in told]


def test_the_weights_of_the_lowest_validation_loss_are_kept(misled):
    model, history = misled
    assert history.best_epoch == 1
    assert history.epochs[-1].val_loss > history.best.val_loss
    judged = patches(5, 2, landslide=0)
    probability = np.asarray(model(reflectance_of(judged, STATISTICS)))
    assert float(TverskyLoss(0.3, 0.7)(judged.labels, probability)) == pytest.approx(history.best.val_loss, abs=1e-6)


def test_the_last_weights_are_kept_where_that_is_wanted_whatever_the_validation_says():
    model = one_pixel_network()
    validation = patches(5, 2, landslide=0)
    history = train(model, patches(10, 1), validation, settings(epochs=4, keep="last"), STATISTICS, seed=3)
    assert history.best_epoch == 4
    assert history.best.val_loss > history.epochs[0].val_loss
    probability = np.asarray(model(reflectance_of(validation, STATISTICS)))
    assert float(TverskyLoss(0.3, 0.7)(validation.labels, probability)) == pytest.approx(
        history.best.val_loss, abs=1e-6
    )


def test_a_plateau_lowers_the_learning_rate_down_to_its_minimum_and_then_training_stops(misled):
    rates = [epoch.learning_rate for epoch in misled[1].epochs]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005])


def test_patience_of_zero_never_stops_and_a_cosine_falls_to_the_minimum():
    changes = {"epochs": 4, "schedule": "cosine", "learning_rate": 0.1, "minimum_learning_rate": 0.02}
    history = train(
        one_pixel_network(), patches(4, 1), patches(4, 2, landslide=0), settings(**changes), STATISTICS, seed=3
    )
    # 0.02 + 0.08 (1 + cos(k pi / 4)) / 2
    np.testing.assert_allclose([epoch.learning_rate for epoch in history.epochs], [0.1, 0.088284, 0.06, 0.031716], 1e-4)


def test_validation_loss_does_not_depend_on_how_batches_are_cut():
    losses = []
    for batch_patches in (1, 3, 8):
        changes = {"epochs": 1, "batch_patches": batch_patches, "learning_rate": 1e-30}
        history = train(one_pixel_network(), patches(3, 1), patches(7, 2), settings(**changes), STATISTICS, seed=3)
        losses.append(history.best.val_loss)
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-7)


def test_without_validation_patches_the_training_loss_decides():
    history = train(one_pixel_network(), patches(6, 1), None, settings(), STATISTICS, seed=3)
    assert np.isnan(history.best.val_loss)
    assert history.best.loss == min(epoch.loss for epoch in history.epochs)


def test_what_was_not_observed_teaches_nothing():
    weights = []
    for stored in (0, 9000):
        training = patches(6, 1)
        training.images[training.labels == 255] = stored
        model = one_pixel_network()
        train(model, training, None, settings(epochs=2), STATISTICS, seed=3)
        weights.append(model.get_weights())
    np.testing.assert_array_equal(weights[0][0], weights[1][0])
    assert np.abs(weights[0][0]).max() > 0


def test_a_frozen_encoder_stays_as_it_was_while_the_decoder_learns():
    model = build_unet(2, ModelSettings(filters=2), STATISTICS, seed=1)
    freeze_encoder(model)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    train(model, patches(4, 1), None, settings(epochs=1), STATISTICS, seed=3)
    for layer in model.layers:
        same = all(np.array_equal(old, new) for old, new in zip(before[layer.name], layer.get_weights(), strict=True))
        assert same == (layer.name.startswith("encoder_") or not layer.weights), layer.name


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "dice_cross_entropy", "landslide_weight": 2.0},
        {"loss": "lovasz_hinge"},
        {"weight_decay": 0.01, "warmup_steps": 4, "average": 0.5},
        {"ignored_boundary_pixels": 1, "sampling": "landslide_share", "epoch_patches": 25},
        {"soft_boundary_pixels": 1, "sampling": "hard_background"},
        {"relight_smooth_haze": 0.005, "relight_shade": 0.02},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_every_way_of_training_learns_bright_squares_the_same_way_twice(changes):
    curves = []
    for _ in range(2):
        history = train(
            one_pixel_network(), patches(10, 1), patches(5, 2), settings(epochs=12, **changes), STATISTICS, seed=3
        )
        curves.append(history.table())
    assert curves[0].equals(curves[1])
    assert history.best.val_f1 > 0.95


def test_the_averaged_weights_are_judged_and_kept():
    model = one_pixel_network()
    history = train(model, patches(10, 1), patches(5, 2), settings(average=0.9, epochs=3), STATISTICS, seed=3)
    plain = one_pixel_network()
    train(plain, patches(10, 1), patches(5, 2), settings(epochs=3), STATISTICS, seed=3)
    assert np.abs(model.get_weights()[0]).max() < np.abs(plain.get_weights()[0]).max()  # they lag behind
    judged = patches(5, 2)
    probability = np.asarray(model(reflectance_of(judged, STATISTICS)))
    assert float(TverskyLoss(0.3, 0.7)(judged.labels, probability)) == pytest.approx(history.best.val_loss, abs=1e-6)


def test_the_learning_rate_rises_over_the_first_steps():
    model, rates = one_pixel_network(), []
    loss = TverskyLoss(0.3, 0.7)
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=loss, jit_compile=False)
    step = model.train_on_batch
    model.train_on_batch = lambda *data: (rates.append(float(model.optimizer.learning_rate)), step(*data))[1]
    train(model, patches(8, 1), None, settings(epochs=3, warmup_steps=3), STATISTICS, 3, compiled=True)
    np.testing.assert_allclose(rates, [0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.1, 0.1], rtol=1e-6)  # two steps an epoch


@pytest.mark.slow
def test_two_processes_train_the_same_bytes(tmp_path):
    program = Path(__file__).with_name("train_tiny_network.py")
    folders = [tmp_path / "first", tmp_path / "second"]
    running = [subprocess.Popen([sys.executable, program, folder]) for folder in folders]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
        for folder in folders
    )
    assert set(first) == {"model.json", "model.weights.h5", "history.csv"}
    assert first == second


def test_a_loss_that_is_not_a_number_ends_training_with_the_remedy():
    model = one_pixel_network()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(
        ModelError, match=r"not a number in epoch 1 \(learning rate 0.1\); lower optimiser.learning_rate"
    ):
        train(model, patches(4, 1), patches(4, 2), settings(), STATISTICS, seed=3)


@pytest.mark.parametrize(
    ("training", "complaint"),
    [
        (patches(4, 1).take([]), "there are no training patches"),
        (patches(4, 1, side=24), "24 x 24 pixels; choose patches.side_pixels as a multiple of 16"),
        (
            PatchSet(np.zeros((4, 16, 16, 3), np.uint16), np.zeros((4, 16, 16), np.uint8), ("a", "b", "c")),
            "3 bands and the network takes 2",
        ),
    ],
)
def test_patches_that_do_not_fit_are_refused(training, complaint):
    with pytest.raises(ModelError, match=complaint):
        train(one_pixel_network(), training, None, settings(), STATISTICS, seed=3)
