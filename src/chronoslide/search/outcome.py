"""What came of a trial: handed from its training to the study."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial.

    Attributes:
        f1: Pooled over the validation patches, at the threshold that suits them best, with the weights of the lowest
            validation loss: what `pretrain` would hand on.
        threshold: That threshold.
        loss: Of the validation patches, with these weights.
        precision: At that threshold.
        recall: At that threshold.
        best_epoch: From which the weights are.
        cost: Arithmetic of the training [10^12 multiply-adds].
    """

    f1: float
    threshold: float
    loss: float
    precision: float
    recall: float
    best_epoch: int
    cost: float
