"""Training by several processes, on one machine or on many: each computes a part of every batch, all step alike.

It stands beside the training loop, which asks `step_of` for its step. Keras' own training does not run under
TensorFlow's strategy for several processes, and the mean of the processes' losses would be another loss. Here a batch
is one, wherever its patches are: its loss, the statistics of batch normalisation and the gradients are those of the
whole, so the weights are those of one process up to the last digits, and the same in all processes. Every process reads
all patches and draws the same batches; what is not the step, such as judging, each does for itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import ClusterError, SettingsError
from chronoslide.models.team import Team, cannot_begin, meet

if TYPE_CHECKING:
    import tensorflow as tf

_log = logging.getLogger(__name__)

Step = Callable[[NDArray[np.float32], NDArray[Any]], float]
"""Moves a network's weights by a batch: images (n, rows, cols, bands), labels (n, rows, cols, 1); gives the loss."""


class _Workers:
    """An open connection to the other processes."""

    def __init__(self, team: Team) -> None:
        import tensorflow as tf

        self.team = team
        meet(team)
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(team.addresses)}), task_type="worker", task_id=team.rank
        )
        try:
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy(
                resolver,
                tf.distribute.experimental.CommunicationOptions(
                    implementation=tf.distribute.experimental.CommunicationImplementation.RING
                ),
            )
        except (tf.errors.OpError, RuntimeError) as error:
            raise cannot_begin(team, _first_line(error)) from error

        def total(value: tf.Tensor) -> tf.Tensor:
            # A copy, because what comes from outside has no device, and the sum looks for one.
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))

        self.total = tf.function(
            lambda value: self.strategy.run(total, (value,)), input_signature=[tf.TensorSpec((), tf.float64)]
        )


_open: _Workers | None = None


@contextmanager
def together(team: Team | None) -> Iterator[None]:
    """Within it, `step_of` trains with the other processes; it must be opened before TensorFlow has computed anything.

    Args:
        team: The processes; None for this one alone.

    Raises:
        ClusterError: This process cannot take its place, or another one was lost.
    """
    global _open
    if team is None:
        yield
        return
    import tensorflow as tf

    _log.info(
        "training with %d processes, of which this is number %d: it begins when all of them are there (%s)",
        len(team.addresses),
        team.rank,
        ", ".join(team.addresses),
    )
    _open = _Workers(team)
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
    ) as error:
        raise ClusterError(
            f"{team.addresses[team.rank]}: another process of the training was lost ({type(error).__name__}); "
            "end those that are left, then start all of them again"
        ) from error
    finally:
        _open = None


def keeps() -> bool:
    """Whether this process keeps results and tells MLflow: one that trains alone, or the first of a team."""
    return _open is None or _open.team.keeps


def agreed(value: float) -> float:
    """The value that the first process of the team has, so that all decide alike; the value itself without a team."""
    if _open is None:
        return value
    return float(_open.total(value if _open.team.keeps else 0.0))


def step_of(model: keras.Model, loss: keras.losses.Loss) -> Step:
    """A training step of a compiled network, with the other processes of the team if there is one."""
    if _open is not None:
        return _SharedStep(model, loss, _open)

    def alone(images: NDArray[np.float32], labels: NDArray[Any]) -> float:
        model.reset_metrics()  # Keras would answer with the mean over the steps since the last reset
        return float(np.ravel(model.train_on_batch(images, labels))[0])

    return alone


class _SharedStep:
    """A step on a batch of which this process computes its part."""

    def __init__(self, model: keras.Model, loss: keras.losses.Loss, workers: _Workers) -> None:
        import tensorflow as tf

        self._team = workers.team
        variables = model.trainable_variables

        def part(images: tf.Tensor, places: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            replica = tf.distribute.get_replica_context()
            with tf.GradientTape() as tape:
                own = model(images, training=True)
                whole = tf.scatter_nd(places[:, tf.newaxis], own, tf.shape(labels))
                value = loss(labels, replica.all_reduce(tf.distribute.ReduceOp.SUM, whole))
            # Every process has the loss of the whole batch, and each gradient through what all have in common is that
            # of the sum of these equal losses: the mean of the gradients is that of one.
            return value, replica.all_reduce(tf.distribute.ReduceOp.MEAN, tape.gradient(value, variables))

        def step(images: tf.Tensor, places: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            value, gradients = workers.strategy.run(part, (images, places, labels))
            model.optimizer.apply(gradients, variables)
            return value

        shape = model.input_shape
        signature = [
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((*shape[:-1], 1), tf.float32),
        ]
        with _synchronised(model):
            self._step = tf.function(step, input_signature=signature).get_concrete_function()

    def __call__(self, images: NDArray[np.float32], labels: NDArray[Any]) -> float:
        """See `Step`.

        Raises:
            SettingsError: The batch has fewer patches than there are processes.
        """
        import tensorflow as tf

        processes = len(self._team.addresses)
        if len(images) < processes:
            raise SettingsError(
                f"--workers: a batch of {len(images)} patches cannot be shared by {processes} processes; "
                "raise optimiser.batch_patches or take fewer"
            )
        own = np.arange(self._team.rank, len(images), processes, dtype=np.int32)
        given = (images[own], own, labels.astype(np.float32))
        return float(self._step(*map(tf.constant, given)))


@contextmanager
def _synchronised(model: keras.Model) -> Iterator[None]:
    """What is traced meanwhile takes the statistics of batch normalisation over all processes."""
    chosen = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in chosen:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer in chosen:
            layer.synchronized = False


def _first_line(error: BaseException) -> str:
    lines: Sequence[str] = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]
