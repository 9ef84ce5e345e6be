from collections import Counter

import pandas as pd
import pytest
from matplotlib.patches import PathPatch, Rectangle

from chronoslide.inventories.multitemporal.states import State
from chronoslide.reporting import flows
from chronoslide.reporting.style import house_style

ROWS = [
    (2013, "absent", "new", 6),
    (2014, "absent", "new", 1),
    (2014, "new", "healed", 2),
    (2014, "new", "persistent", 4),
    (2016, "new", "merged away", 1),
    (2016, "persistent", "enlarged", 4),
]
TABLE = pd.DataFrame(ROWS, columns=["year", "state_before", "state", "landslides"]).assign(inventory="predicted")


def ends_of(ribbon: PathPatch) -> tuple[float, ...]:
    """Left x, low and high, right x, low and high."""
    points = ribbon.get_path().vertices
    left, right = points[0, 0], points[3, 0]
    return round(left), points[0, 1], points[7, 1], round(right), points[3, 1], points[4, 1]


def test_the_stock_stands_on_zero_and_what_left_hangs_below() -> None:
    spans = flows.spans_of(Counter({(2014, "persistent"): 4, (2014, "new"): 1, (2014, "healed"): 2}))
    assert spans[2014, "persistent"] == (0, 4)
    assert spans[2014, "new"] == (4, 5)
    assert spans[2014, "healed"] == (-2, 0)


def test_every_ribbon_begins_and_ends_in_its_segments() -> None:
    with house_style():
        figure = flows.state_flows(TABLE)
    assert figure is not None
    ribbons = {ends_of(patch) for patch in figure.axes[0].patches if isinstance(patch, PathPatch)}
    assert ribbons == {
        (2013, 0, 2, 2014, -2, 0),  # healed
        (2013, 2, 6, 2014, 0, 4),  # persistent
        (2014, 4, 5, 2016, -1, 0),  # the new one is merged away; 2015 has no inventory
        (2014, 0, 4, 2016, 0, 4),  # enlarged
    }


def test_the_height_of_the_bars_is_the_number_of_landslides() -> None:
    with house_style():
        figure = flows.state_flows(TABLE)
    assert figure is not None
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert sum(bar.get_height() for bar in bars) == TABLE["landslides"].sum()
    assert [text.get_text().strip() for text in figure.axes[0].texts if text.get_fontweight() == "bold"] == [
        "6", "5", "4",
    ]  # fmt: skip


def test_every_state_has_its_place_and_colour() -> None:
    assert set(flows.STOCK) | set(flows.LEFT) == {*map(str, State), "merged away"}
    assert len(set(flows._COLOURS.values())) == len(flows._COLOURS)


@pytest.mark.parametrize("table", [pd.DataFrame(), TABLE.iloc[:0], TABLE.drop(columns="inventory")])
def test_nothing_to_draw_gives_no_figure(table: pd.DataFrame) -> None:
    assert flows.state_flows(table) is None
