"""Do shift check and IR-MAD bring real dates together? Three RapidEye dates of one month, whose ground hardly changed.

    python -m experiments.rapideye_dates FOLDER [--contrast-pixels 40]

FOLDER holds the scenes `2014-08-17.tif`, `2014-08-20.tif` and `2014-08-26.tif`. For each pair the first date is put on
the second, and lines are fitted on every other square of 16 x 16 pixels. They are judged on the squares left out, on
those pixels that the *other* bands call unchanged: neither the pixels fitted to nor the band itself chooses them.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chronoslide.rasters import read_raster
from chronoslide.scenes.coregistration import measure_shift, undo_shift
from chronoslide.scenes.normalisation import fit_lines, local_contrast, unchanged_by_other_bands
from chronoslide.scenes.scene import SCALE, Scene

DATES = ("2014-08-17", "2014-08-20", "2014-08-26")
BANDS = ("blue", "green", "red", "red_edge", "nir")
SQUARE_PIXELS = 16


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--contrast-pixels", type=int, default=0, help="0: the published method")
    arguments = parser.parse_args()
    folder, contrast_pixels = arguments.folder, arguments.contrast_pixels
    scenes = {date: _read(folder / f"{date}.tif") for date in DATES}
    print("| from | to | shift, pixels (south, east) | band | gain | offset | before | after | less by | best line |")
    print("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for start, end in itertools.permutations(DATES, 2):
        _compare(scenes[start], scenes[end], start, end, contrast_pixels)


def _read(path: Path) -> Scene:
    raster = read_raster(path)
    return Scene(raster.values.astype(np.float32) / np.float32(SCALE), raster.valid, raster.grid, BANDS)


def _compare(scene: Scene, reference: Scene, start: str, end: str, contrast_pixels: int) -> None:
    shift = measure_shift(scene, reference, start)
    moved = undo_shift(scene, shift)
    rows, cols = np.indices(scene.grid.shape) // SQUARE_PIXELS
    common = moved.valid & reference.valid
    fitted, held_out = ((rows + cols) % 2 == 0) & common, ((rows + cols) % 2 == 1) & common
    details = None
    if contrast_pixels:
        details = (local_contrast(moved, contrast_pixels)[fitted], local_contrast(reference, contrast_pixels)[fitted])
    lines, _ = fit_lines(moved.reflectance[fitted], reference.reflectance[fitted], start, details)
    mine, theirs = moved.reflectance[held_out], reference.reflectance[held_out]
    for band, line in enumerate(lines):
        unchanged = unchanged_by_other_bands(mine, theirs, band)
        x, y = (values[unchanged, band].astype(np.float64) for values in (mine, theirs))
        before, after = _distance(x, y), _distance(line.gain * x + line.offset, y)
        best = _distance(np.polyval(np.polyfit(x, y, 1), x), y)  # the least any line can leave, fitted to these pixels
        print(
            f"| {start} | {end} | {shift.rows:+.2f}, {shift.cols:+.2f} | {BANDS[band]} | {line.gain:.3f} | "
            f"{line.offset:+.4f} | {before:.4f} | {after:.4f} | {1 - after / before:.0%} | {1 - best / before:.0%} |"
        )


def _distance(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((values - reference) ** 2)))


if __name__ == "__main__":
    main()
