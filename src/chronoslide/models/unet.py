"""The U-Net of the paper (Ronneberger et al. 2015, with batch normalisation), from reflectance to probability.

It stands between the patches, on which it is trained, and the maps, which it draws of a whole scene.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from chronoslide.models.layers import FusedBatchNormalization, Standardise
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics

LEVELS = 5
# Four halvings: rows and columns of an image must be multiples of this.
SIDE_MULTIPLE = 2 ** (LEVELS - 1)
_FIXED_TRANSPOSED_WIDTHS = (128, 64, 32, 16)


def build_unet(bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int) -> keras.Model:
    """Builds the network with random weights.

    Five encoder levels of two 3 x 3 convolutions, each with bias, batch normalisation and ReLU, of widths
    f x (1, 2, 4, 8, 16); four decoder levels that open with a 2 x 2 transposed convolution of stride 2 and take the
    encoder's features by concatenation; a 1 x 1 convolution with a sigmoid. Layers are called `encoder_1_convolution_1`
    and so on; the fifth encoder level is the bottom.

    Args:
        bands: Number of bands.
        settings: Width, kind of transposed convolutions, dropout, momentum of batch normalisation.
        statistics: What reflectance is standardised with inside the network; None leaves it as it is.
        seed: Of the initial weights and of the dropout; the same seed gives the same weights.

    Returns:
        A model from float32 reflectance (n, rows, cols, bands) to float32 probability (n, rows, cols, 1); rows and
        cols are multiples of 16.
    """
    builder = _Builder(settings, np.random.default_rng(seed))
    widths = [settings.filters * 2**level for level in range(LEVELS)]
    transposed = _FIXED_TRANSPOSED_WIDTHS if settings.transposed_widths == "fixed" else tuple(reversed(widths[:-1]))

    image = keras.Input((None, None, bands), name="reflectance", dtype="float32")
    features = image
    if statistics is not None:
        features = Standardise(statistics.mean, statistics.standard_deviation, name="standardise")(image)
    skipped = []
    for level, width in enumerate(widths, start=1):
        if level > 1:
            features = layers.MaxPooling2D(2, dtype=settings.precision, name=f"encoder_{level}_pooling")(features)
        features = builder.two_convolutions(features, width, f"encoder_{level}")
        skipped.append(features)
    if settings.dropout:
        features = layers.SpatialDropout2D(
            settings.dropout, seed=builder.seed(), dtype=settings.precision, name="dropout"
        )(features)
    for level, width in zip(range(LEVELS - 1, 0, -1), transposed, strict=True):
        name = f"decoder_{level}"
        features = builder.enlarge(features, width, name)
        features = layers.Concatenate(dtype=settings.precision, name=f"{name}_concatenation")(
            [features, skipped[level - 1]]
        )
        features = builder.two_convolutions(features, widths[level - 1], name)
    # float32 whatever the policy: a sum of a million half-precision probabilities would not count.
    initializer = keras.initializers.GlorotUniform(builder.seed())
    head = layers.Conv2D(
        1, 1, activation="sigmoid", kernel_initializer=initializer, dtype="float32", name="probability"
    )
    return keras.Model(image, head(features), name="unet")


def freeze_encoder(model: keras.Model) -> None:
    """Keeps all encoder levels, the bottom included, as they are while the model is trained further.

    Batch normalisation is frozen with the convolutions it belongs to: with `trainable = False` Keras also runs it on
    its stored mean and variance, which neither follow nor see the new patches. It takes effect when the model is
    compiled, which `train` does.
    """
    for layer in model.layers:
        if layer.name.startswith("encoder_"):
            layer.trainable = False


class _Builder:
    """The repeated parts, with an initial seed of its own for every layer."""

    def __init__(self, settings: ModelSettings, rng: np.random.Generator) -> None:
        self._settings = settings
        self._rng = rng

    def seed(self) -> int:
        return int(self._rng.integers(2**31))

    def two_convolutions(self, features: Any, width: int, name: str) -> Any:
        for number in (1, 2):
            features = layers.Conv2D(
                width,
                3,
                padding="same",
                kernel_initializer=keras.initializers.HeNormal(self.seed()),
                dtype=self._settings.precision,
                name=f"{name}_convolution_{number}",
            )(features)
            features = FusedBatchNormalization(
                momentum=self._settings.normalisation_momentum,
                dtype=self._settings.precision,
                name=f"{name}_normalisation_{number}",
            )(features)
            features = layers.ReLU(dtype=self._settings.precision, name=f"{name}_relu_{number}")(features)
        return features

    def enlarge(self, features: Any, width: int, name: str) -> Any:
        return layers.Conv2DTranspose(
            width,
            2,
            strides=2,
            padding="same",
            kernel_initializer=keras.initializers.GlorotUniform(self.seed()),
            dtype=self._settings.precision,
            name=f"{name}_transposed_convolution",
        )(features)
