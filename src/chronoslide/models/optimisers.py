"""How weights move: the optimiser of the settings, and the average of weights that follows it.

It stands between the settings and the training loop, which steps and asks for the average after each epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from chronoslide.params import OptimiserSettings

# Decay would draw a normalisation's scale and all biases to 0, where they do no harm.
_NOT_DECAYED = ["bias", "gamma", "beta"]


def make_optimiser(settings: OptimiserSettings) -> keras.optimizers.Optimizer:
    """Adam (Kingma & Ba 2015), or with a weight decay AdamW (Loshchilov & Hutter 2019).

    Only kernels decay; biases and normalisation do not.
    """
    if not settings.weight_decay:
        return keras.optimizers.Adam(settings.learning_rate)
    optimiser = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
    optimiser.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimiser


def compile_for_training(model: keras.Model, settings: OptimiserSettings, loss: keras.losses.Loss) -> None:
    """Gives a network its optimiser and its loss; what shall not be trained is marked before.

    Keras would make the optimiser's own variables within the first step, and TensorFlow traces a step again that made
    variables: with f = 4 the first step took 17 s of a core (Zen 3), with the variables made here 7 s.
    """
    model.compile(optimizer=make_optimiser(settings), loss=loss, jit_compile=False)
    model.optimizer.build(model.trainable_variables)


class WeightAverage:
    """The exponential moving average of a network's weights over its steps (Polyak & Juditsky 1992).

    Moving statistics of batch normalisation are averaged as well, with the same momentum, so that they belong to the
    averaged weights. In the first steps the momentum is lower, (1 + t) / (10 + t), so that the initial weights are
    forgotten at once.

    Args:
        model: The network; its weights are the first average.
        momentum: Share of the old average that a step leaves.
    """

    def __init__(self, model: keras.Model, momentum: float) -> None:
        self._model = model
        self._momentum = momentum
        self._steps = 0
        self._weights = [np.array(weight) for weight in model.get_weights()]

    def follow(self) -> None:
        """Takes the network's present weights into the average."""
        self._steps += 1
        share = 1.0 - min(self._momentum, (1.0 + self._steps) / (10.0 + self._steps))
        for mean, weight in zip(self._weights, self._model.get_weights(), strict=True):
            mean += np.float32(share) * (weight - mean)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has the averaged weights for as long as this lasts."""
        own = self._model.get_weights()
        self._model.set_weights(self._weights)
        try:
            yield
        finally:
            self._model.set_weights(own)
