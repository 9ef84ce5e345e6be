"""TensorFlow's fused batch normalisation: by given statistics, by a batch's own, or by those of a batch in parts.

It stands inside `layers.FusedBatchNormalization`; a batch lies in several processes where `workers` train together.
Keras does that by plain sums over several arrays, with which a step with f = 8 takes twice as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

Normalised = tuple["tf.Tensor", "tf.Tensor", "tf.Tensor"]
"""The normalised images, and mean and (biased) variance (channels,) that they were normalised by."""


def normalise_by(
    images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """Normalises images (n, rows, cols, channels) by given statistics (channels,)."""
    import tensorflow as tf

    return tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
    ).y


def normalise_by_own(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float) -> Normalised:
    """Normalises images (n, rows, cols, channels) by their own statistics."""
    import tensorflow as tf

    empty = tf.constant([], dtype=tf.float32)
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=images, scale=scale, offset=offset, mean=empty, variance=empty, epsilon=epsilon, is_training=True
    )
    count = _count(images)
    # The operation returns the unbiased variance; Keras keeps the biased one.
    return outputs.y, outputs.batch_mean, outputs.batch_variance * (count - 1.0) / count


def normalise_together(inputs: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float) -> Normalised:
    """Normalises this process's part by mean and variance of the whole batch; called in all processes at once.

    The gradient is that of the sum of the processes' losses: Ioffe & Szegedy (2015), with sums over the whole batch.

    Args:
        inputs: (n, rows, cols, channels) of this process.
        scale: (channels,), gamma.
        offset: (channels,), beta.
        epsilon: Added to the variance.

    Returns:
        Mean and variance are those of the whole batch, and pass no gradient on.
    """
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()

    def total(values: tf.Tensor) -> tf.Tensor:
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, values)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def normalise(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[Any, Any]:
        own_count = _count(images)
        _, own_mean, own_variance = normalise_by_own(images, scale, offset, epsilon)
        count = total(own_count)
        mean = total(own_mean * own_count) / count
        # Of deviations, not of squares: with these, digits of a small variance beside a large mean would be lost.
        variance = total(own_count * (own_variance + tf.square(own_mean - mean))) / count

        def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            direct = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=images,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=tf.constant([], dtype=tf.float32),
                epsilon=epsilon,
                is_training=False,
            )
            sums = total(tf.stack([direct.scale_backprop, direct.offset_backprop])) / count
            back = -scale * tf.math.rsqrt(variance + epsilon)
            through_statistics = normalise_by(images, back * sums[0], back * sums[1], mean, variance, epsilon)
            return direct.x_backprop + through_statistics, direct.scale_backprop, direct.offset_backprop

        return (normalise_by(images, scale, offset, mean, variance, epsilon), mean, variance), gradient

    return normalise(inputs, scale, offset)  # type: ignore[no-any-return]


def _count(images: tf.Tensor) -> tf.Tensor:
    """Pixels of all images together."""
    import tensorflow as tf

    shape = tf.shape(images)
    return tf.cast(shape[0] * shape[1] * shape[2], tf.float32)
