"""A trained network fitted to another year's scene without labels: its batch normalisation sees that year's statistics.

Adaptive batch normalisation (Li et al. 2017). It stands between a stored network and the mapping of one scene: what a
network learnt stays, but what it takes for the usual brightness of a feature is that of the scene it maps.
"""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import ModelError

_BATCH = 8


def adapted(model: keras.Model, images: NDArray[np.float32], share: float = 1.0) -> keras.Model:
    """The network with the mean and variance of other images in its batch normalisation.

    Layer after layer, each with the input that it gets from those that were adapted before it, so the result depends
    neither on the order of the images nor on how they are batched (but by rounding).

    Args:
        model: A trained network; it is left as it is.
        images: (n, rows, cols, bands) reflectance of the scene, for example every tenth window.
        share: Of the new statistics; the rest are those of the training.

    Returns:
        A new network. It takes about half as many passes over the images as there are normalisations.

    Raises:
        ModelError: The network has no batch normalisation, or there is no image.
    """
    if not len(images):
        raise ModelError("adapting to a scene: it has no observed window; leave this scene out")
    bare = keras.Model(model.input, model.output, name=model.name)  # without its loss, which cloning would serialise
    copy = keras.models.clone_model(bare)
    copy.set_weights(model.get_weights())
    layers = [layer for layer in copy.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not layers:
        raise ModelError(
            "adapting to a scene: the network has no batch normalisation; train it with normalisation "
            "batch, or set map.adaptation to 0"
        )
    for layer in layers:
        mean, variance = _moments(keras.Model(copy.input, layer.input), images)
        layer.moving_mean.assign(share * mean + (1.0 - share) * layer.moving_mean.numpy())
        layer.moving_variance.assign(share * variance + (1.0 - share) * layer.moving_variance.numpy())
    return copy


def _moments(before: keras.Model, images: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each channel of what a layer gets, over all images."""
    total, squares, count = np.float64(0.0), np.float64(0.0), 0
    for first in range(0, len(images), _BATCH):
        features = keras.ops.convert_to_numpy(before(images[first : first + _BATCH], training=False))
        features = features.reshape(-1, features.shape[-1]).astype(np.float64)
        total = total + features.sum(axis=0)
        squares = squares + np.square(features).sum(axis=0)
        count += len(features)
    mean = np.asarray(total / count)
    return mean, np.maximum(squares / count - mean**2, 0.0)
