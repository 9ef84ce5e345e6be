"""The networks by name, and what holds for all of them.

It stands between the settings, which name an architecture, and whoever trains, reads back or maps with a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import keras

from chronoslide.models.attention_unet import build_attention_unet
from chronoslide.models.convnext_unet import build_convnext_unet
from chronoslide.models.ensemble import ensemble_of
from chronoslide.models.res_unet import build_res_unet
from chronoslide.models.unet import build_unet
from chronoslide.params import Architecture, ModelSettings
from chronoslide.patches.scaling import BandStatistics

Build = Callable[[int, ModelSettings, BandStatistics | None, int], keras.Model]

_BUILD: Final[Mapping[Architecture, Build]] = {
    "unet": build_unet,
    "attention_unet": build_attention_unet,
    "res_unet": build_res_unet,
    "convnext_unet": build_convnext_unet,
}


def build_network(bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int) -> keras.Model:
    """Builds the network that `settings.architecture` names, with random weights; of several members, if so wanted.

    Args:
        bands: Number of bands.
        settings: The network.
        statistics: What reflectance is standardised with inside the network; None leaves it as it is.
        seed: Of the initial weights and of the dropout; the same seed gives the same weights. Each further member has
            the next one.

    Returns:
        A model from float32 reflectance (n, rows, cols, bands) to float32 probability (n, rows, cols, 1); rows and
        cols are multiples of 16. Layers are called after their level, `encoder_1_...` to `decoder_1_...`.
    """
    build = _BUILD[settings.architecture]
    if settings.members == 1:
        return build(bands, settings, statistics, seed)
    return ensemble_of([build(bands, settings, statistics, seed + number) for number in range(settings.members)])


def freeze_encoder(model: keras.Model) -> None:
    """Keeps all encoder levels, the bottom included, as they are while the model is trained further.

    Batch normalisation is frozen with the convolutions it belongs to: with `trainable = False` Keras also runs it on
    its stored mean and variance, which neither follow nor see the new patches. It takes effect when the model is
    compiled, which `train` does.
    """
    for layer in model.layers:
        if "encoder_" in layer.name:  # of any member
            layer.trainable = False
