"""A U-Net of inverted bottlenecks with large depthwise kernels (after Liu et al. 2022), one of the networks by name.

A 7 x 7 kernel sees the shape of a landslide in one layer and, channel by channel, costs little; what mixes channels is
1 x 1. It stands from the third level on: on the two finest grids, where channels are few, depthwise kernels save
nothing and are slow on a CPU (a training step took 2.0 times as long with them), so residual blocks stand there.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from chronoslide.models.blocks import Block, Parts, u_shaped
from chronoslide.models.res_unet import residual
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics

_KERNEL = 7
_EXPANSION = 3
_BLOCKS = 2
_FIRST_LEVEL = 3


def build_convnext_unet(
    bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int
) -> keras.Model:
    """Builds the network with random weights; arguments and result as for `build_unet`."""
    parts = Parts(settings, seed)
    fine, coarse = residual(parts), _inverted_bottlenecks(parts)

    def block(features: Any, width: int, name: str) -> Any:
        level = int(name.rpartition("_")[2])
        return (coarse if level >= _FIRST_LEVEL else fine)(features, width, name)

    return u_shaped("convnext_unet", bands, settings, statistics, parts, block)


def _inverted_bottlenecks(parts: Parts) -> Block:
    """Twice: depthwise 7 x 7, normalisation, 1 x 1 to three times the width, GELU, 1 x 1 back, sum with what came in.

    Liu et al. take four times the width and layer normalisation; three and batch normalisation are quicker.
    """

    def block(features: Any, width: int, name: str) -> Any:
        features = parts.of_width(features, width, f"{name}_projection")
        for number in range(1, _BLOCKS + 1):
            changed = parts.depthwise_convolution(features, f"{name}_depthwise_{number}", _KERNEL)
            changed = parts.normalise(changed, f"{name}_normalisation_{number}")
            changed = parts.convolution(changed, _EXPANSION * width, f"{name}_expansion_{number}", kernel=1)
            changed = layers.Activation("gelu", dtype=parts.precision, name=f"{name}_gelu_{number}")(changed)
            changed = parts.convolution(changed, width, f"{name}_reduction_{number}", kernel=1)
            features = parts.add(changed, features, f"{name}_sum_{number}")
        return features

    return block
