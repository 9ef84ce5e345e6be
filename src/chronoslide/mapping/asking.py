"""Asking a network, and asking it ahead: the next images are under way before the answer to the last ones is fetched.

Stands between the engines and whoever has images for them. An engine that runs several images at once has nothing to
do for all but one of its threads while the last image of a batch is finished, unless the next batch has begun.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Reflectance (n, rows, cols, bands) to probability (n, rows, cols)."""

Answer = Callable[[], NDArray[np.float32]]
"""Waits for the probability of what was asked, (n, rows, cols); is called once."""


@runtime_checkable
class AsksAhead(Protocol):
    """A network that can be asked before its last answer was fetched. One thread at a time asks and fetches."""

    def __call__(self, reflectance: NDArray[np.float32], /) -> NDArray[np.float32]:
        """See `Predict`: asks, and waits for the answer."""
        return self.ask(reflectance)()

    def ask(self, reflectance: NDArray[np.float32]) -> Answer:
        """Begins; may wait until there is room for it. The images stay as they are until the answer is fetched."""


def ask(predict: Predict, reflectance: NDArray[np.float32]) -> Answer:
    """Begins to ask a network; one that cannot be asked ahead has answered when this returns."""
    if isinstance(predict, AsksAhead):
        return predict.ask(reflectance)
    probability = predict(reflectance)
    return lambda: probability
