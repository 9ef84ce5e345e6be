"""Test-time augmentation: the network sees each window as it is, flipped and turned, and its answers are averaged.

Stands between the network and the mapping of a scene. A landslide is one whichever way the map is turned; what the
network says only in one orientation is less sure.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from chronoslide.mapping.asking import Answer, AsksAhead, Predict, ask

# (quarter turns, flipped), the eight symmetries of a square; flips alone keep rows rows, so windows need not be square.
_SYMMETRIES: Final = {
    "none": ((0, False),),
    "flips": ((0, False), (0, True), (2, False), (2, True)),
    "all": tuple((turns, flipped) for flipped in (False, True) for turns in range(4)),
}


def over_symmetries(predict: Predict, symmetries: Literal["none", "flips", "all"]) -> Predict:
    """The mean answer of a network over flips (4) or all symmetries of a square (8).

    Args:
        predict: Reflectance (n, rows, cols, bands) to probability (n, rows, cols).
        symmetries: "none" gives `predict` itself.

    Returns:
        A function of the same form, that takes as many times as long.
    """
    chosen = _SYMMETRIES[symmetries]
    if len(chosen) == 1:
        return predict

    return _Averaged(predict, chosen)


class _Averaged(AsksAhead):
    """Asks for all symmetries of a batch before it waits for the first."""

    def __init__(self, predict: Predict, symmetries: tuple[tuple[int, bool], ...]) -> None:
        self._predict = predict
        self._symmetries = symmetries

    def ask(self, reflectance: NDArray[np.float32]) -> Answer:
        shape = reflectance.shape[:3]
        answers = []
        for turns, flipped in self._symmetries:
            seen = np.rot90(reflectance[:, :, ::-1] if flipped else reflectance, turns, axes=(1, 2))
            answers.append(ask(self._predict, seen))

        def fetch() -> NDArray[np.float32]:
            total = np.zeros(shape, dtype=np.float64)
            for (turns, flipped), answer in zip(self._symmetries, answers, strict=True):
                turned = np.rot90(answer(), -turns, axes=(1, 2))
                total += turned[:, :, ::-1] if flipped else turned
            return (total / len(answers)).astype(np.float32)

        return fetch
