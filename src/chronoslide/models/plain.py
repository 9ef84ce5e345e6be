"""A trained network in Keras' own layers alone, for those who have Keras and not this package.

It stands at the end of training, where a network is registered: what holds no layer of ours can be read back without
our code, without pickled classes, and in Keras' safe mode.
"""

from __future__ import annotations

import keras
import numpy as np

from chronoslide.models.layers import FusedBatchNormalization, Standardise


def in_plain_layers(model: keras.Model) -> keras.Model:
    """The same network with Keras' normalisation and batch normalisation in place of ours.

    Args:
        model: Of `build_network`.

    Returns:
        A network with the same weights. Its answers differ by rounding alone (about 1e-5).
    """
    plain = keras.models.clone_model(model, clone_function=_plain)
    for layer in model.layers:
        if layer.weights:
            plain.get_layer(layer.name).set_weights(layer.get_weights())
    return plain


def _plain(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, Standardise):
        deviation = np.array([value if value > 0 else 1.0 for value in layer.standard_deviation])
        return keras.layers.Normalization(
            axis=-1, mean=np.array(layer.mean), variance=deviation**2, dtype="float32", name=layer.name
        )
    if isinstance(layer, FusedBatchNormalization):
        return keras.layers.BatchNormalization.from_config(layer.get_config())
    return layer.__class__.from_config(layer.get_config())
