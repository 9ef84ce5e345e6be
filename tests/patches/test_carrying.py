"""Labels go to another year where its NDVI allows it, and to no other pixel."""

import numpy as np

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED
from chronoslide.patches.carrying import carry_labels


def carry(label, ndvi, other, valid=True):
    carried = carry_labels(
        np.array([[label]], dtype=np.uint8),
        np.array([[ndvi]]),
        np.array([[other]]),
        np.array([[valid]]),
        background_tolerance=0.05,
        landslide_tolerance=0.03,
    )
    return int(carried[0, 0])


def test_background_stays_unless_it_was_bared():
    assert carry(BACKGROUND, 0.60, 0.62) == BACKGROUND
    assert carry(BACKGROUND, 0.60, 0.56) == BACKGROUND
    assert carry(BACKGROUND, 0.60, 0.30) == UNLABELLED


def test_a_landslide_stays_unless_it_is_green():
    assert carry(LANDSLIDE, 0.10, 0.05) == LANDSLIDE
    assert carry(LANDSLIDE, 0.10, 0.12) == LANDSLIDE
    assert carry(LANDSLIDE, 0.10, 0.40) == UNLABELLED


def test_what_a_year_did_not_observe_has_no_label_in_it():
    assert carry(BACKGROUND, 0.60, 0.60, valid=False) == UNOBSERVED
    assert carry(LANDSLIDE, 0.10, 0.10, valid=False) == UNOBSERVED


def test_what_the_reference_year_did_not_observe_is_unlabelled_in_the_others():
    assert carry(UNOBSERVED, 0.60, 0.60) == UNLABELLED
