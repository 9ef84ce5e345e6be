"""The losses by which networks are trained on patches where landslides are rare, by name.

All of them count a batch as one, because patches without landslides would otherwise each weigh as much as full ones,
and leave out pixels without a label (254, 255). Labels may be soft, between 0 and 1, but for the Lovasz hinge. The
letters alpha and beta mean opposite things in different papers and in Keras; the weights here are called by what they
weigh.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.params import OptimiserSettings

EPSILON = 1e-4
# Below this the focal loss continues as a straight line: the slope of a root is infinite at 0.
_ROOT_STARTS = 1e-6
# A probability of exactly 0 or 1 has no logarithm.
_CLOSEST = 1e-6

Judged = Iterable[tuple[NDArray[np.uint8], NDArray[np.float32]]]
"""Labels and probabilities of the same shape, batch by batch."""


class PatchLoss(keras.losses.Loss):  # type: ignore[misc]
    """A loss of labels 0 to 1 (254, 255: none) and as many probabilities, over all labelled pixels of a batch."""

    def over(self, batches: Judged) -> float:
        """The loss of all batches taken as one, for example of a whole validation set.

        It is not the mean of the batches' losses, which would depend on how they are cut.
        """
        parts = list(batches)
        labels, probability = (np.concatenate([part[place].ravel() for part in parts]) for place in (0, 1))
        return float(self(labels, ops.convert_to_tensor(probability)))


def loss_from_settings(settings: OptimiserSettings) -> PatchLoss:
    """The loss that `optimiser.loss` names."""
    match settings.loss:
        case "dice_cross_entropy":
            return DiceCrossEntropyLoss(settings.landslide_weight)
        case "lovasz_hinge":
            return LovaszHingeLoss()
        case "tversky":
            return TverskyLoss.from_settings(settings)


def _of_each(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """How far pixels are landslide and background, 0 to 1 in the shape and type of the probabilities.

    With soft labels, a pixel is both in part; what has no label is neither.
    """
    labels = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred))
    labelled = ops.cast(ops.less_equal(labels, LANDSLIDE), y_pred.dtype)
    return labelled * labels, labelled * (1.0 - labels)


@keras.saving.register_keras_serializable(package="chronoslide")
class TverskyLoss(PatchLoss):
    """One minus the Tversky index (Salehi et al. 2017) over all observed pixels of a batch.

    `TI = (TP + e) / (TP + w_fn FN + w_fp FP + e)` with soft counts, loss `(1 - TI)^(1/gamma)`. Equal weights of 0.5
    give the Dice loss. Nothing to find and nothing found costs 0.

    Args:
        false_negative_weight: What a missed landslide pixel costs.
        false_positive_weight: What a wrongly mapped pixel costs (the paper's beta, 0.7).
        focal_gamma: The focal Tversky loss of Abraham & Khan (2019) in their convention, exponent 1/gamma: above 1
            (they use 4/3) the gradient grows, relative to the plain loss, as the loss becomes small. 1 is plain.
        epsilon: Keeps the index defined when there is nothing to count.
        name: Name of the loss.
    """

    def __init__(
        self,
        false_negative_weight: float,
        false_positive_weight: float,
        focal_gamma: float = 1.0,
        epsilon: float = EPSILON,
        name: str = "tversky",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.false_negative_weight = float(false_negative_weight)
        self.false_positive_weight = float(false_positive_weight)
        self.focal_gamma = float(focal_gamma)
        self.epsilon = float(epsilon)

    @classmethod
    def from_settings(cls, settings: OptimiserSettings) -> TverskyLoss:
        """The loss of `params.yaml`, where the two weights sum to 1."""
        return cls(1.0 - settings.false_positive_weight, settings.false_positive_weight, settings.focal_gamma)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of labels 0, 1, 255 and probabilities of as many pixels, a scalar."""
        landslide, background = _of_each(y_true, y_pred)
        true_positive = ops.sum(landslide * y_pred)
        false_negative = ops.sum(landslide * (1.0 - y_pred))
        false_positive = ops.sum(background * y_pred)
        return self._focal(self._plain(true_positive, false_negative, false_positive))

    def from_counts(self, true_positive: float, false_negative: float, false_positive: float) -> float:
        """The loss of (soft) counts that were summed elsewhere, for example over a whole validation set."""
        return float(self._focal(self._plain(true_positive, false_negative, false_positive)))

    def over(self, batches: Judged) -> float:
        """See `PatchLoss`; the soft counts are summed in double precision."""
        soft = np.zeros(3)
        for labels, probability in batches:
            of_landslide = probability[labels == LANDSLIDE].sum(dtype=np.float64)
            of_background = probability[labels == BACKGROUND].sum(dtype=np.float64)
            soft += (of_landslide, np.count_nonzero(labels == LANDSLIDE) - of_landslide, of_background)
        return self.from_counts(*map(float, soft))

    def get_config(self) -> dict[str, Any]:
        """The weights, for reading the loss back."""
        return {
            **super().get_config(),
            "false_negative_weight": self.false_negative_weight,
            "false_positive_weight": self.false_positive_weight,
            "focal_gamma": self.focal_gamma,
            "epsilon": self.epsilon,
        }

    def _plain(self, true_positive: Any, false_negative: Any, false_positive: Any) -> Any:
        # 1 - TI, written as one fraction: no digits are lost when the index is near 1.
        wrong = self.false_negative_weight * false_negative + self.false_positive_weight * false_positive
        return wrong / (true_positive + wrong + self.epsilon)

    def _focal(self, loss: Any) -> Any:
        if self.focal_gamma == 1.0:
            return loss
        exponent = 1.0 / self.focal_gamma
        start = _ROOT_STARTS
        return ops.where(loss > start, ops.power(ops.maximum(loss, start), exponent), loss * start ** (exponent - 1.0))


@keras.saving.register_keras_serializable(package="chronoslide")
class DiceCrossEntropyLoss(PatchLoss):
    """The Dice loss plus the mean binary cross-entropy (as Isensee et al. 2021 train).

    Dice sees the overlap, cross-entropy each pixel: it has a slope also where Dice is lost, and its probabilities are
    better calibrated. `1 - (TP + e) / (TP + (FN + FP) / 2 + e) - sum w log p / sum w`, where p is the probability of
    what is true.

    Args:
        landslide_weight: w of a landslide pixel in the cross-entropy, where background has 1.
        name: Name of the loss.
    """

    def __init__(self, landslide_weight: float = 1.0, name: str = "dice_cross_entropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.landslide_weight = float(landslide_weight)
        self._dice = TverskyLoss(0.5, 0.5)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of labels 0, 1, 255 and probabilities of as many pixels, a scalar."""
        landslide, background = _of_each(y_true, y_pred)
        probability = ops.clip(y_pred, _CLOSEST, 1.0 - _CLOSEST)
        wanted = self.landslide_weight * landslide
        entropy = -ops.sum(wanted * ops.log(probability) + background * ops.log(1.0 - probability))
        weights = ops.sum(wanted + background)
        return self._dice.call(y_true, y_pred) + entropy / ops.maximum(weights, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The weight, for reading the loss back."""
        return {**super().get_config(), "landslide_weight": self.landslide_weight}


@keras.saving.register_keras_serializable(package="chronoslide")
class LovaszHingeLoss(PatchLoss):
    """The Lovasz hinge (Berman et al. 2018): the convex surrogate of 1 - IoU.

    A pixel's error is 1 - its logit on the true side. Errors are sorted; each counts as much as the IoU of landslides
    falls when this pixel is wrong beside those that are more wrong. Networks give probabilities, so the logits are
    taken back from them. Where there is no landslide, only the worst pixel counts.

    Args:
        name: Name of the loss.
    """

    def __init__(self, name: str = "lovasz_hinge", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of labels 0, 1, 255 and probabilities of as many pixels, a scalar."""
        landslide, background = (ops.reshape(each, (-1,)) for each in _of_each(y_true, y_pred))
        probability = ops.clip(ops.reshape(y_pred, (-1,)), _CLOSEST, 1.0 - _CLOSEST)
        logit = ops.log(probability) - ops.log(1.0 - probability)
        # Unobserved pixels get an error of 0, which adds nothing and stands behind all that do.
        error = ops.relu((landslide + background) - (landslide - background) * logit)
        order = ops.argsort(-error)
        error, landslide, background = (ops.take(each, order) for each in (error, landslide, background))
        intersection = ops.sum(landslide) - ops.cumsum(landslide)
        union = ops.sum(landslide) + ops.cumsum(background)
        lost = 1.0 - intersection / ops.maximum(union, 1.0)  # a union of 0 is one of unobserved pixels, without error
        rise = ops.concatenate([lost[:1], lost[1:] - lost[:-1]])
        return ops.sum(error * ops.stop_gradient(rise))
