"""The page in a real browser, as a reader uses it: wide and narrow, by pointer and by keyboard."""

import importlib.metadata
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

tool = runpy.run_path(str(Path(__file__).parent / "browser.py"))
pytestmark = pytest.mark.skipif(not tool["browser_is_there"](), reason=tool["MISSING"])


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    with tool["browser"]() as opened:
        yield opened


@pytest.fixture
def opened(window: Any, rendered: Path) -> Any:
    window.console()
    window.requests()
    window.open(rendered / "report.html")
    window.run("document.documentElement.style.scrollBehavior = 'auto'")
    return window


def move_slider_to(opened: Any, year: int) -> None:
    opened.run(
        "const s = document.getElementById('year');"
        "const years = Object.keys(JSON.parse(document.getElementById('map-data').textContent).years);"
        "s.value = years.indexOf(arguments[0]); s.dispatchEvent(new Event('input'))",
        str(year),
    )


def outlines_shown(opened: Any, kind: str) -> list[str]:
    script = f"return [...document.querySelectorAll('path[data-landslide^={kind}]')].map(e => e.dataset.landslide)"
    return opened.run(script)


def test_the_console_stays_empty_and_no_request_leaves_the_page(opened: Any, rendered: Path) -> None:
    for year in (2014, 2015, 2016):
        move_slider_to(opened, year)
    assert [entry for entry in opened.console() if entry["level"] in {"SEVERE", "WARNING"}] == []
    asked = [address for address in opened.requests() if not address.startswith("data:")]
    assert asked == [(rendered / "report.html").resolve().as_uri()]


def test_the_slider_changes_the_layers(opened: Any, metrics: dict[str, Any]) -> None:
    for year in (2014, 2015, 2016):
        move_slider_to(opened, year)
        assert len(outlines_shown(opened, "manual")) == metrics["inventories"][str(year)]["manual"]["count"]
        assert opened.run("return document.getElementById('year-name').textContent") == str(year)


def test_the_keyboard_moves_the_slider(opened: Any) -> None:
    opened.press("year", "\ue014")
    assert opened.run("return document.getElementById('year-name').textContent") == "2015"


def test_a_layer_is_shown_when_it_is_chosen(opened: Any) -> None:
    move_slider_to(opened, 2015)
    count = "return document.querySelectorAll('.leaflet-classes-pane img').length"
    before = opened.run(count)
    opened.run("document.querySelector('input[value=errors]').click()")
    assert opened.run(count) == before + 1


def test_the_tooltip_tells_of_the_polygon_under_the_pointer(opened: Any) -> None:
    move_slider_to(opened, 2015)
    opened.run("document.querySelector('input[value=predicted]').click()")  # leaves the manual outlines
    data = json.loads(opened.run("return document.getElementById('map-data').textContent"))
    target = max(data["years"]["2015"]["shapes"]["manual"], key=lambda shape: shape["area"])
    opened.run("document.getElementById('map').scrollIntoView({block: 'center'})")
    place = opened.run(
        "const box = document.querySelector(`path[data-landslide='manual-${arguments[0]}']`).getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]",
        target["id"],
    )
    opened.point_at(*place)
    shown = opened.run("return [...document.querySelectorAll('.leaflet-tooltip')].map(e => e.textContent)")
    assert len(shown) == 1
    assert shown[0].startswith(f"Manual landslide {target['id']}area {round(target['area']):,} m²")


@pytest.mark.parametrize("width", [360, 1440])
def test_a_tooltip_is_never_cut_off_by_the_edge_of_the_map(window: Any, rendered: Path, width: int) -> None:
    window.open(rendered / "report.html", width)
    move_slider_to(window, 2016)
    cut_off = window.run(
        "const map = document.getElementById('map').getBoundingClientRect();"
        "const path = document.querySelector('path[data-landslide^=predicted]');"
        "const send = (kind, clientX, clientY) => "
        "  path.dispatchEvent(new MouseEvent(kind, {bubbles: true, clientX, clientY}));"
        "const corners = [map.left + 3, map.right - 3].flatMap(x => [map.top + 3, map.bottom - 3].map(y => [x, y]));"
        "return corners.filter(([x, y]) => {"
        "  send('mouseover', x, y);"
        "  send('mousemove', x, y);"
        "  const box = document.querySelector('.leaflet-tooltip').getBoundingClientRect();"
        "  send('mouseout', x, y);"
        "  return box.left < map.left || box.right > map.right || box.top < map.top || box.bottom > map.bottom;"
        "})"
    )
    assert cut_off == []


def test_a_tap_on_a_predicted_landslide_tells_its_area_state_and_probability(opened: Any) -> None:
    move_slider_to(opened, 2016)
    data = json.loads(opened.run("return document.getElementById('map-data').textContent"))
    target = data["years"]["2016"]["shapes"]["predicted"][0]
    opened.run(
        "document.querySelector(`path[data-landslide='predicted-${arguments[0]}']`)"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))",
        target["id"],
    )
    told = opened.run("return document.getElementById('map-status').textContent")
    assert told.startswith(f"2016: Predicted landslide {target['id']}: area {round(target['area']):,} m²; state: new")
    assert f"mean probability {target['probability']:.2f}" in told


def test_the_view_stays_when_the_year_changes(opened: Any) -> None:
    where = "return document.querySelector('.leaflet-background-pane img').getBoundingClientRect().toJSON()"
    opened.run("document.querySelector('.leaflet-control-zoom-in').click()")
    opened.run_async("setTimeout(arguments[0], 500)")
    before = opened.run(where)
    move_slider_to(opened, 2016)
    assert opened.run(where) == before


def test_the_list_names_every_landslide_of_the_year(opened: Any, metrics: dict[str, Any]) -> None:
    move_slider_to(opened, 2016)
    opened.run("document.getElementById('landslide-details').open = true")
    opened.run_async("setTimeout(arguments[0], 100)")
    figures = metrics["inventories"]["2016"]
    rows = opened.run("return document.querySelectorAll('#landslide-list tbody tr').length")
    assert rows == figures["manual"]["count"] + 2 * figures["predicted"]["count"]  # tracked ones are listed, too


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_fits_its_window(window: Any, rendered: Path, width: int) -> None:
    window.open(rendered / "report.html", width)
    assert window.run("return document.documentElement.scrollWidth") <= width
    assert (
        window.run("return document.getElementById('map').getBoundingClientRect().width") > 0.8 * min(width, 1180) - 40
    )


def axe() -> str | None:
    """The source of axe-core from whichever package carries it."""
    for name in ("axe-playwright-python", "axe-selenium-python", "axe-core-python"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == "axe.min.js":
                return Path(str(file.locate())).read_text(encoding="utf-8")
    return None


@pytest.mark.skipif(axe() is None, reason="axe-core is not installed (pip install --no-deps axe-playwright-python)")
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_no_fault(window: Any, rendered: Path, width: int) -> None:
    window.open(rendered / "report.html", width)
    window.run(str(axe()))
    window.run(
        "document.querySelectorAll('details').forEach(part => { part.open = true });"
        "document.querySelectorAll('[name=layer]:not(:checked)').forEach(box => box.click())"
    )
    found = window.run_async("const done = arguments[0]; axe.run(document).then(done)")
    faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found["violations"]]
    assert faults == []
    assert {"color-contrast", "aria-allowed-attr", "label", "image-alt"} <= {rule["id"] for rule in found["passes"]}
