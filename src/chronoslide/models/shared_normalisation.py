"""Batch normalisation over a batch whose parts lie in several processes, by TensorFlow's fused operations.

It stands inside `layers.FusedBatchNormalization`, for the training of `workers`. Keras does the same by plain sums over
several arrays, with which a step with f = 8 takes twice as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


def normalise_together(
    inputs: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Normalises this process's part by mean and variance of the whole batch; called in all processes at once.

    The gradient is that of the sum of the processes' losses: Ioffe & Szegedy (2015), with sums over the whole batch.

    Args:
        inputs: (n, rows, cols, channels) of this process.
        scale: (channels,), gamma.
        offset: (channels,), beta.
        epsilon: Added to the variance.

    Returns:
        The normalised part, and mean and (biased) variance (channels,) of the whole batch, which pass no gradient on.
    """
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()

    def total(values: tf.Tensor) -> tf.Tensor:
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, values)

    def by(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.FusedBatchNormV3(
            x=images, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
        ).y

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def normalise(images: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tuple[Any, Any]:
        shape = tf.shape(images)
        own_count = tf.cast(shape[0] * shape[1] * shape[2], tf.float32)
        empty = tf.constant([], dtype=tf.float32)
        own = tf.raw_ops.FusedBatchNormV3(
            x=images, scale=scale, offset=offset, mean=empty, variance=empty, epsilon=epsilon, is_training=True
        )
        count = total(own_count)
        mean = total(own.batch_mean * own_count) / count
        # Of deviations, not of squares: with these, digits of a small variance beside a large mean would be lost.
        own_squares = own.batch_variance * (own_count - 1.0) + own_count * tf.square(own.batch_mean - mean)
        variance = total(own_squares) / count

        def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            direct = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream,
                x=images,
                scale=scale,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=empty,
                epsilon=epsilon,
                is_training=False,
            )
            sums = total(tf.stack([direct.scale_backprop, direct.offset_backprop])) / count
            inverse = tf.math.rsqrt(variance + epsilon)
            through_statistics = by(images, -scale * inverse * sums[0], -scale * inverse * sums[1], mean, variance)
            return direct.x_backprop + through_statistics, direct.scale_backprop, direct.offset_backprop

        return (by(images, scale, offset, mean, variance), mean, variance), gradient

    return normalise(inputs, scale, offset)  # type: ignore[no-any-return]
