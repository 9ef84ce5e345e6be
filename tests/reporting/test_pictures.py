import io

import numpy as np
from PIL import Image

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.reporting import pictures
from chronoslide.reporting.pictures import Stretch

BANDS = ("blue", "green", "red")


def test_black_and_white_are_the_ends_of_the_stretch() -> None:
    stretch = Stretch(("red", "green", "blue"), (0.1, 0.1, 0.1), (0.3, 0.3, 0.3))
    scene = np.array([[[1000, 1000, 1000], [3000, 3000, 3000]]], dtype=np.uint16)
    picture = pictures.composite(scene, np.ones((1, 2), dtype=bool), BANDS, stretch)
    assert picture.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_bands_are_found_by_name() -> None:
    stretch = Stretch(("red", "green", "blue"), (0.0,) * 3, (1.0,) * 3)
    scene = np.array([[[0, 0, 10_000]]], dtype=np.uint16)  # blue, green, red
    assert pictures.composite(scene, np.ones((1, 1), dtype=bool), BANDS, stretch).tolist() == [[[255, 0, 0]]]


def test_unobserved_ground_is_grey_whatever_it_holds() -> None:
    stretch = Stretch(("red", "green", "blue"), (0.0,) * 3, (1.0,) * 3)
    scene = np.full((1, 1, 3), 9999, dtype=np.uint16)
    picture = pictures.composite(scene, np.zeros((1, 1), dtype=bool), BANDS, stretch)
    assert len(set(picture.ravel().tolist())) == 1


def test_the_stretch_looks_at_observed_pixels_alone() -> None:
    scene = np.array([[[1000] * 3, [2000] * 3, [60_000] * 3]], dtype=np.uint16)
    stretch = pictures.stretch_of(scene, np.array([[True, True, False]]), BANDS, ("red", "green", "blue"))
    assert max(stretch.high) <= 0.2


def test_errors_by_hand() -> None:
    labels = np.array([[LANDSLIDE, BACKGROUND, LANDSLIDE, BACKGROUND, UNOBSERVED]], dtype=np.uint8)
    predicted = np.array([[True, True, False, False, True]])
    assert pictures.errors(labels, predicted).tolist() == [[1, 2, 3, 0, 0]]


def test_classes_keep_their_colours_and_opacity() -> None:
    classes = np.array([[0, 1, 2]], dtype=np.uint8)
    palette = [(0, 0, 0, 0), (240, 228, 66, 255), (213, 94, 0, 128)]
    stored = Image.open(io.BytesIO(pictures.indexed_png(classes, palette))).convert("RGBA")
    assert [stored.getpixel((col, 0)) for col in range(3)] == palette


def test_an_unobserved_probability_has_no_colour() -> None:
    levels = pictures.probability_levels(np.array([[np.nan, 0.0, 0.01, 0.5, 1.0]], dtype=np.float32))
    assert levels.tolist() == [[0, 0, 0, pictures.PROBABILITY_LEVELS // 2, pictures.PROBABILITY_LEVELS]]


def test_the_palette_has_a_colour_for_every_level() -> None:
    assert len(pictures.probability_palette()) == pictures.PROBABILITY_LEVELS + 1
