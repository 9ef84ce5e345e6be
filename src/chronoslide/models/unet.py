"""The U-Net of the paper (Ronneberger et al. 2015, with batch normalisation), from reflectance to probability.

It stands between the patches, on which it is trained, and the maps, which it draws of a whole scene.
"""

from __future__ import annotations

from typing import Any

import keras

from chronoslide.models.blocks import Block, Parts, u_shaped
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics


def build_unet(bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int) -> keras.Model:
    """Builds the network with random weights: two 3 x 3 convolutions at each level of the U.

    Each convolution has a bias and is followed by normalisation and ReLU.

    Args:
        bands: Number of bands.
        settings: Width, kind of transposed convolutions, dropout, normalisation.
        statistics: What reflectance is standardised with inside the network; None leaves it as it is.
        seed: Of the initial weights and of the dropout; the same seed gives the same weights.

    Returns:
        As `blocks.u_shaped`.
    """
    parts = Parts(settings, seed)
    return u_shaped("unet", bands, settings, statistics, parts, two_convolutions(parts))


def two_convolutions(parts: Parts) -> Block:
    """Twice: 3 x 3 convolution, normalisation, ReLU."""

    def block(features: Any, width: int, name: str) -> Any:
        for number in (1, 2):
            features = parts.convolution(features, width, f"{name}_convolution_{number}")
            features = parts.normalise(features, f"{name}_normalisation_{number}")
            features = parts.relu(features, f"{name}_relu_{number}")
        return features

    return block
