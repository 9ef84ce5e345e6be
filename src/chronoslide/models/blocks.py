"""What all networks share: the U between an encoder and a decoder, and the parts that it is put together from.

Each architecture is a module of its own that says what stands at a level; the way down, the way up, the names of the
layers and the seeds of their weights are here, so that freezing, storing, mapping and costing know all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from chronoslide.models.ensemble import PROBABILITY
from chronoslide.models.layers import FusedBatchNormalization, Standardise
from chronoslide.params import LEVELS, ModelSettings
from chronoslide.patches.scaling import BandStatistics

_FIXED_TRANSPOSED_WIDTHS = (128, 64, 32, 16)
_GROUPS = 8

Block = Callable[[Any, int, str], Any]
"""Features, their new width and a name to what stands at a level of the U."""

Gate = Callable[[Any, Any, str], Any]
"""The encoder's features, the decoder's on the same grid and a name to what of the former is let through."""


class Parts:
    """The layers that networks repeat, with an initial seed of its own for every one.

    Args:
        settings: Normalisation and precision.
        seed: Of all initial weights and of the dropout.
    """

    def __init__(self, settings: ModelSettings, seed: int) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(seed)
        self.precision = settings.precision

    def seed(self) -> int:
        """The next seed."""
        return int(self._rng.integers(2**31))

    def convolution(self, features: Any, width: int, name: str, kernel: int = 3) -> Any:
        """A convolution with bias, its weights drawn after He et al. (2015)."""
        return layers.Conv2D(
            width,
            kernel,
            padding="same",
            kernel_initializer=keras.initializers.HeNormal(self.seed()),
            dtype=self.precision,
            name=name,
        )(features)

    def depthwise_convolution(self, features: Any, name: str, kernel: int) -> Any:
        """A convolution of each channel with itself alone."""
        return layers.DepthwiseConv2D(
            kernel,
            padding="same",
            depthwise_initializer=keras.initializers.GlorotUniform(self.seed()),
            dtype=self.precision,
            name=name,
        )(features)

    def normalise(self, features: Any, name: str) -> Any:
        """Batch or group normalisation (Wu & He 2018), as the settings want it."""
        if self._settings.normalisation == "group":
            groups = math.gcd(int(features.shape[-1]), _GROUPS)
            return layers.GroupNormalization(groups, dtype=self.precision, name=name)(features)
        momentum = self._settings.normalisation_momentum
        return FusedBatchNormalization(momentum=momentum, dtype=self.precision, name=name)(features)

    def relu(self, features: Any, name: str) -> Any:
        """What is negative becomes 0."""
        return layers.ReLU(dtype=self.precision, name=name)(features)

    def add(self, one: Any, other: Any, name: str) -> Any:
        """The sum of two features of one shape."""
        return layers.Add(dtype=self.precision, name=name)([one, other])

    def of_width(self, features: Any, width: int, name: str) -> Any:
        """The features, projected by a 1 x 1 convolution where they have another width."""
        return features if features.shape[-1] == width else self.convolution(features, width, name, kernel=1)

    def enlarge(self, features: Any, width: int, name: str) -> Any:
        """A 2 x 2 transposed convolution of stride 2."""
        return layers.Conv2DTranspose(
            width,
            2,
            strides=2,
            padding="same",
            kernel_initializer=keras.initializers.GlorotUniform(self.seed()),
            dtype=self.precision,
            name=name,
        )(features)


def u_shaped(
    name: str,
    bands: int,
    settings: ModelSettings,
    statistics: BandStatistics | None,
    parts: Parts,
    block: Block,
    gate: Gate | None = None,
) -> keras.Model:
    """Puts a network together: five levels down, four up, a 1 x 1 convolution with a sigmoid.

    The encoder's levels have widths f x (1, 2, 4, 8, 16) and are parted by 2 x 2 maxima; a decoder level opens with a
    transposed convolution and takes the encoder's features by concatenation. Layers are called `encoder_1_...`,
    `decoder_4_...`, after their level; the fifth encoder level is the bottom.

    Args:
        name: Of the model.
        bands: Number of bands.
        settings: Width, kind of transposed convolutions, dropout.
        statistics: What reflectance is standardised with inside the network; None leaves it as it is.
        parts: Where layers come from.
        block: What stands at each level.
        gate: What the encoder's features pass through on their way to the decoder; None lets them through as they are.

    Returns:
        A model from float32 reflectance (n, rows, cols, bands) to float32 probability (n, rows, cols, 1); rows and
        cols are multiples of 16.
    """
    widths = [settings.filters * 2**level for level in range(LEVELS)]
    transposed = _FIXED_TRANSPOSED_WIDTHS if settings.transposed_widths == "fixed" else tuple(reversed(widths[:-1]))

    image = keras.Input((None, None, bands), name="reflectance", dtype="float32")
    features = image
    if statistics is not None:
        features = Standardise(statistics.mean, statistics.standard_deviation, name="standardise")(image)
    skipped = []
    for level, width in enumerate(widths, start=1):
        if level > 1:
            features = layers.MaxPooling2D(2, dtype=parts.precision, name=f"encoder_{level}_pooling")(features)
        features = block(features, width, f"encoder_{level}")
        skipped.append(features)
    if settings.dropout:
        features = layers.SpatialDropout2D(settings.dropout, seed=parts.seed(), dtype=parts.precision, name="dropout")(
            features
        )
    for level, width in zip(range(LEVELS - 1, 0, -1), transposed, strict=True):
        of_level = f"decoder_{level}"
        features = parts.enlarge(features, width, f"{of_level}_transposed_convolution")
        taken = skipped[level - 1] if gate is None else gate(skipped[level - 1], features, of_level)
        features = layers.Concatenate(dtype=parts.precision, name=f"{of_level}_concatenation")([features, taken])
        features = block(features, widths[level - 1], of_level)
    # float32 whatever the policy: a sum of a million half-precision probabilities would not count.
    initializer = keras.initializers.GlorotUniform(parts.seed())
    head = layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer=initializer, dtype="float32", name=PROBABILITY)
    return keras.Model(image, head(features), name=name)
