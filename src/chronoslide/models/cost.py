"""What a network costs: its parameters, and the arithmetic of one pixel.

It stands beside the architectures, so that they can be compared by what does not depend on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from chronoslide.params import SIDE_MULTIPLE


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a network.

    Attributes:
        parameters: All weights, moving statistics included.
        multiply_adds_per_pixel: Of the convolutions, forwards.
    """

    parameters: int
    multiply_adds_per_pixel: int

    def sentence(self) -> str:
        """For a reader."""
        return f"{self.parameters:,} parameters, {self.multiply_adds_per_pixel:,} multiply-adds a pixel"


def cost_of(model: keras.Model) -> Cost:
    """Parameters and multiply-adds a pixel of a network."""
    side = 4 * SIDE_MULTIPLE  # any multiple gives the same a pixel
    return Cost(int(model.count_params()), round(multiply_adds(model, side) / side**2))


def multiply_adds(model: keras.Model, side: int) -> int:
    """Multiply-adds of the convolutions for one image of side x side pixels, forwards; the rest is small beside them.

    A convolution takes kernel x inputs x outputs at each pixel of its output (a depthwise one kernel x channels), a
    transposed one at each of its input.
    """
    image = keras.Input((side, side, model.input_shape[-1]))
    bare = keras.Model(model.input, model.output)  # without its loss, which cloning would serialise
    sized = keras.models.clone_model(bare, input_tensors=image)  # the same layers, with shapes that are known
    total = 0
    for layer in sized.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            total += int(np.prod(layer.kernel.shape)) * _pixels(layer.input)
        elif isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            total += int(np.prod(layer.kernel.shape)) * _pixels(layer.output)
    return total


def _pixels(features: keras.KerasTensor) -> int:
    rows, cols = features.shape[1:3]
    return int(rows * cols)
