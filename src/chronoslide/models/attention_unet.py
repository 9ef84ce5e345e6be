"""The U-Net with additive attention gates (Oktay et al. 2018): the decoder chooses what it takes from the encoder.

One of the networks that `architectures` builds by name. Where the coarser features see no landslide, the finer ones
are held back, which is meant to keep bright fields and roads out of the map.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from chronoslide.models.blocks import Gate, Parts, u_shaped
from chronoslide.models.unet import two_convolutions
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics


def build_attention_unet(
    bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int
) -> keras.Model:
    """Builds the network with random weights; arguments and result as for `build_unet`."""
    parts = Parts(settings, seed)
    return u_shaped("attention_unet", bands, settings, statistics, parts, two_convolutions(parts), _gate(parts))


def _gate(parts: Parts) -> Gate:
    """The encoder's features x times a weight of each pixel, a = sigmoid(psi(ReLU(W_x x + W_g g))).

    Oktay et al. gate on the grid of the coarser features and enlarge the weights; here the decoder's features g are
    enlarged already, so that nothing needs to be resampled. W_x and W_g have half as many channels as x.
    """

    def gate(skipped: Any, enlarged: Any, name: str) -> Any:
        width = max(int(skipped.shape[-1]) // 2, 1)
        of_encoder = parts.convolution(skipped, width, f"{name}_gate_of_encoder", kernel=1)
        of_decoder = parts.convolution(enlarged, width, f"{name}_gate_of_decoder", kernel=1)
        both = parts.relu(parts.add(of_encoder, of_decoder, f"{name}_gate_sum"), f"{name}_gate_relu")
        weight = parts.convolution(both, 1, f"{name}_gate_weight", kernel=1)
        weight = layers.Activation("sigmoid", dtype=parts.precision, name=f"{name}_gate_sigmoid")(weight)
        return layers.Multiply(dtype=parts.precision, name=f"{name}_gate")([skipped, weight])

    return gate
