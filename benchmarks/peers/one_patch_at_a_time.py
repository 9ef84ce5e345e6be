"""The published notebook's way: `model.predict` on one patch of 128 x 128 pixels after the other, without overlap.

`python -m benchmarks.peers.one_patch_at_a_time SCENE.npy MODEL_FOLDER` prints megapixels a second as JSON. A part of
the scene is enough, because every patch takes the same time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

_SIDE = 128
_PATCHES = 64


def main() -> int:
    """Maps the first patches and prints the rate."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from chronoslide.models.storage import load_model

    scene = np.load(sys.argv[1], mmap_mode="r")
    model, _ = load_model(Path(sys.argv[2]))
    per_row = scene.shape[1] // _SIDE
    patches = [
        np.asarray(scene[row * _SIDE : (row + 1) * _SIDE, col * _SIDE : (col + 1) * _SIDE])
        for row, col in (divmod(index, per_row) for index in range(_PATCHES))
    ]
    model.predict(patches[0][np.newaxis], verbose=0)
    begin = time.perf_counter()
    for patch in patches:
        model.predict(patch[np.newaxis], verbose=0)
    seconds = time.perf_counter() - begin
    print(json.dumps({"one_patch_at_a_time": _PATCHES * _SIDE**2 / 1e6 / seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
