import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate
from shapely.geometry import box

from chronoslide.inventories.multitemporal.linking import link
from chronoslide.params import TrackingSettings

outlines = st.builds(
    lambda x, y, width, height, degrees: rotate(box(x, y, x + width, y + height), degrees),
    st.integers(0, 120), st.integers(0, 120), st.integers(4, 60), st.integers(4, 60), st.sampled_from([0, 30, 90]),
)  # fmt: skip
inventories = st.lists(outlines, max_size=5)


def related(earlier, later, tolerance):
    """The definition, pair by pair."""
    smaller, larger = sorted((later, earlier), key=lambda one: one.area)
    displaced = smaller.intersection(larger.buffer(tolerance, quad_segs=4)).area >= 0.5 * smaller.area
    return earlier.intersection(later).area >= 0.1 * smaller.area or (tolerance > 0 and displaced)


@given(inventories, inventories, st.sampled_from([0.0, 5.0]))
@settings(deadline=None)
def test_links_are_those_of_the_definition(earlier, later, tolerance):
    links = link(
        np.array(earlier, dtype=object), np.array(later, dtype=object), TrackingSettings(tolerance_metres=tolerance)
    )
    found = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
    assert found == [
        (i, j) for i, one in enumerate(earlier) for j, other in enumerate(later) if related(one, other, tolerance)
    ]
    for i, j, shared in zip(links.first, links.second, links.intersection_m2, strict=True):
        assert shared == earlier[i].intersection(later[j]).area


def test_more_pairs_than_one_piece_of_work_come_back_in_order():
    side = 110
    earlier = np.array(
        [box(col * 10, row * 10, col * 10 + 9, row * 10 + 9) for row in range(side) for col in range(side)]
    )
    links = link(earlier, earlier[::-1], TrackingSettings(tolerance_metres=0))
    assert links.first.tolist() == list(range(side**2))
    assert links.second.tolist() == list(range(side**2))[::-1]
    assert (links.intersection_m2 == 81).all()
