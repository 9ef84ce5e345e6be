"""Two layers that the networks are built of: fixed standardisation of reflectance, and fast batch normalisation.

Both are registered with Keras, so that a model made of them can be read back, and neither adds a weight that Keras'
own layers would not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from chronoslide.models.fused_normalisation import normalise_by, normalise_by_own, normalise_together

# oneDNN normalises other numbers of channels in bfloat16 by a plain loop, ten times as slow as in float32.
_BFLOAT16_CHANNELS: Final = 16


@keras.saving.register_keras_serializable(package="chronoslide")
class Standardise(keras.layers.Layer):  # type: ignore[misc]
    """Brings each band to mean 0 and standard deviation 1 with fixed numbers; it has no weights.

    It is a part of the network, so that whoever uses a stored model hands over reflectance and cannot scale it wrongly.

    Args:
        mean: Mean reflectance of each band.
        standard_deviation: Standard deviation of each band; 0 (a constant band) is taken as 1.
    """

    def __init__(self, mean: Sequence[float], standard_deviation: Sequence[float], **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.mean = tuple(float(value) for value in mean)
        self.standard_deviation = tuple(float(value) for value in standard_deviation)

    def call(self, inputs: Any) -> Any:
        """Standardises (n, rows, cols, bands)."""
        divisor = [value if value > 0 else 1.0 for value in self.standard_deviation]
        mean = ops.convert_to_tensor(self.mean, dtype=inputs.dtype)
        return (inputs - mean) / ops.convert_to_tensor(divisor, dtype=inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The numbers, for reading the layer back."""
        return {**super().get_config(), "mean": list(self.mean), "standard_deviation": list(self.standard_deviation)}


@keras.saving.register_keras_serializable(package="chronoslide")
class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' batch normalisation, computed by TensorFlow's fused operation where TensorFlow is the backend.

    Weights, results and moving statistics are those of the parent; a training step of the whole network takes about a
    quarter less time. With other backends it is the parent. As there, a layer with `trainable = False` runs on its
    stored statistics, also while the rest of the network is trained, and `synchronized` takes the statistics over all
    processes that train together.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises (n, rows, cols, channels)."""
        if keras.backend.backend() != "tensorflow" or mask is not None or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        fast = inputs.shape[-1] % _BFLOAT16_CHANNELS == 0
        given = inputs if fast else tf.cast(inputs, tf.float32)
        scale, offset = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if not (training and self.trainable):
            mean, variance = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
            return tf.cast(normalise_by(given, scale, offset, mean, variance, self.epsilon), inputs.dtype)
        normalise = normalise_together if self.synchronized else normalise_by_own
        normalised, mean, variance = normalise(given, scale, offset, self.epsilon)
        keep = self.momentum
        self.moving_mean.assign(self.moving_mean * keep + mean * (1.0 - keep))
        self.moving_variance.assign(self.moving_variance * keep + variance * (1.0 - keep))
        return tf.cast(normalised, inputs.dtype)
