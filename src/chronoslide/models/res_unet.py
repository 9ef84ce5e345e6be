"""The U-Net with residual blocks (after He et al. 2016 and Zhang et al. 2018), one of the networks built by name.

Each level adds to what comes in, so that gradients reach the first levels undiminished and deeper networks train as
quickly as shallow ones.
"""

from __future__ import annotations

from typing import Any

import keras

from chronoslide.models.blocks import Block, Parts, u_shaped
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics


def build_res_unet(bands: int, settings: ModelSettings, statistics: BandStatistics | None, seed: int) -> keras.Model:
    """Builds the network with random weights; arguments and result as for `build_unet`."""
    parts = Parts(settings, seed)
    return u_shaped("res_unet", bands, settings, statistics, parts, residual(parts))


def residual(parts: Parts) -> Block:
    """Two 3 x 3 convolutions with normalisation, ReLU after the first and after the sum with what came in."""

    def block(features: Any, width: int, name: str) -> Any:
        changed = parts.convolution(features, width, f"{name}_convolution_1")
        changed = parts.relu(parts.normalise(changed, f"{name}_normalisation_1"), f"{name}_relu_1")
        changed = parts.convolution(changed, width, f"{name}_convolution_2")
        changed = parts.normalise(changed, f"{name}_normalisation_2")
        kept = parts.of_width(features, width, f"{name}_shortcut")
        return parts.relu(parts.add(changed, kept, f"{name}_sum"), f"{name}_relu_2")

    return block
