"""From reflectance to probability with a trained network, quickly and without side effects.

It stands between the stored models and the mapping of scenes, which calls it for batches of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import keras
import numpy as np
from numpy.typing import NDArray

Predictor = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def predictor(model: keras.Model) -> Predictor:
    """A function from float32 reflectance (n, rows, cols, bands) to float32 probability (n, rows, cols).

    The same values give the same result in every call. Under TensorFlow it is one compiled function for all shapes;
    `model.predict` would build a data pipeline at each call and, for an uncompiled model, compile by XLA, which is
    slower on a CPU. When the model is trained further, the function uses its new weights.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda reflectance: np.asarray(model.predict_on_batch(reflectance), dtype=np.float32)[..., 0]

    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32)]
    compiled = tf.function(lambda reflectance: model(reflectance, training=False)[..., 0], input_signature=signature)

    def predict(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", compiled(tf.convert_to_tensor(reflectance, tf.float32)).numpy())

    return predict
