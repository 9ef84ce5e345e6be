"""The Tversky loss, by which networks are trained on patches where landslides are rare.

The letters alpha and beta mean opposite things in different papers and in Keras; the weights here are called by what
they weigh.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.params import OptimiserSettings

EPSILON = 1e-4
# Below this the focal loss continues as a straight line: the slope of a root is infinite at 0.
_ROOT_STARTS = 1e-6


@keras.saving.register_keras_serializable(package="chronoslide")
class TverskyLoss(keras.losses.Loss):  # type: ignore[misc]
    """One minus the Tversky index (Salehi et al. 2017) over all observed pixels of a batch.

    `TI = (TP + e) / (TP + w_fn FN + w_fp FP + e)` with soft counts, loss `(1 - TI)^(1/gamma)`. Equal weights of 0.5
    give the Dice loss. Pixels labelled 255 (unobserved) do not count. Nothing to find and nothing found costs 0.

    The batch is counted as one: patches without landslides would otherwise each weigh as much as full ones.

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
        labels = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred))
        landslide = ops.cast(ops.equal(labels, LANDSLIDE), y_pred.dtype)
        background = ops.cast(ops.equal(labels, BACKGROUND), y_pred.dtype)
        true_positive = ops.sum(landslide * y_pred)
        false_negative = ops.sum(landslide * (1.0 - y_pred))
        false_positive = ops.sum(background * y_pred)
        return self._focal(self._plain(true_positive, false_negative, false_positive))

    def from_counts(self, true_positive: float, false_negative: float, false_positive: float) -> float:
        """The loss of (soft) counts that were summed elsewhere, for example over a whole validation set."""
        return float(self._focal(self._plain(true_positive, false_negative, false_positive)))

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
