"""The page: one file with everything inside, made of templates, tables, figures and the map's layers.

The last step of the way. The map library is Leaflet, taken at rendering from the installed package
`django-js-lib-leaflet`, with its licence; the page itself may load nothing from anywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from chronoslide.errors import DataError
from chronoslide.inventories.multitemporal.tracked_style import COLOURS as STATE_COLOURS
from chronoslide.reporting import published, style
from chronoslide.reporting.map_layers import MapYear
from chronoslide.reporting.pictures import PROBABILITY_LEVELS, probability_palette
from chronoslide.reporting.provenance import Provenance
from chronoslide.reporting.summary import headlines, protocol_sentence, provenance_sentence
from chronoslide.reporting.tables.cells import Table

LEAFLET_PACKAGE: Final = "django-js-lib-leaflet"
_LEAFLET_FOLDER: Final = "js_lib_leaflet/static/js_lib_leaflet"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of the page.

    Attributes:
        source: Data URI.
        caption: What it shows.
        description: The same in words for those who cannot see it.
        wide: Whether it needs the whole width.
    """

    source: str
    caption: str
    description: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class QuickLook:
    """A year's scene at a glance.

    Attributes:
        year: The year.
        true_colour: Data URI, None where the bands are missing.
        false_colour: Data URI, None where the bands are missing.
    """

    year: int
    true_colour: str | None
    false_colour: str | None


@dataclass(frozen=True)
class Section:
    """What a section of the page holds beside its text.

    Attributes:
        tables: In order.
        pictures: In order.
        gaps: Sentences on what is missing and why.
    """

    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    gaps: Sequence[str] = ()


@dataclass(frozen=True)
class MapSection:
    """The map of all years.

    Attributes:
        width_m: Of the ground [m].
        height_m: Of the ground [m].
        years: The layers of each year.
        stills: A picture of each year for print and for browsers without scripts.
        gaps: Sentences on what is missing and why.
    """

    width_m: float
    height_m: float
    years: Mapping[int, MapYear]
    stills: Sequence[Picture] = ()
    gaps: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """All that the page shows.

    Attributes:
        metrics: Of the stage `evaluate`.
        summary: Charts that belong to the headlines.
        data: Section 1.
        quick_looks: A pair of pictures for each year.
        search: Section 2.
        accuracy: Section 3.
        map: Section 4, None without scenes.
        inventories: Section 5.
        provenance: Section 6.
        card: Model card of the model that the maps come from.
    """

    metrics: Mapping[str, Any]
    summary: Section
    data: Section
    quick_looks: Sequence[QuickLook]
    search: Section
    accuracy: Section
    map: MapSection | None
    inventories: Section
    provenance: Provenance
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Library:
    """A library that the page carries.

    Attributes:
        name: Its name and version.
        script: JavaScript.
        styles: CSS.
        licence: Its licence.
    """

    name: str
    script: str
    styles: str
    licence: str


def render(page: Page) -> str:
    """Renders the page.

    Raises:
        DataError: The map library is not installed.
    """
    environment = Environment(
        loader=PackageLoader("chronoslide.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data = page.metrics["data"]
    return environment.get_template("report.html.jinja").render(
        page=page,
        data=data,
        title=f"Landslides through time: {data.get('name', 'unnamed data')}",
        simulated=data.get("provenance") != "observed",
        provenance_sentence=provenance_sentence(data),
        protocol_sentence=protocol_sentence(page.metrics),
        headlines=headlines(page.metrics),
        published=published,
        library=leaflet(),
        map_data="" if page.map is None else map_json(page.map),
        colours=_colours(),
        script=_source(environment, "map.js"),
        styles=_source(environment, "report.css"),
    )


def map_json(section: MapSection) -> str:
    """The map's layers as JSON that is safe inside a script element."""
    content = {
        "width": section.width_m,
        "height": section.height_m,
        "colours": _colours(),
        "years": {
            str(year): {"images": dict(layers.images), "shapes": {name: list(s) for name, s in layers.shapes.items()}}
            for year, layers in sorted(section.years.items())
        },
    }
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def leaflet() -> Library:
    """Leaflet from the installed package.

    Raises:
        DataError: The package is not installed or lacks the files.
    """
    try:
        package = distribution(LEAFLET_PACKAGE)
    except PackageNotFoundError as error:
        raise DataError(
            f"{LEAFLET_PACKAGE}: not installed, and the page's map needs it; install it with "
            f"`pip install {LEAFLET_PACKAGE}`"
        ) from error
    texts = [package.read_text(f"../{_LEAFLET_FOLDER}/{name}") for name in ("leaflet.js", "leaflet.css")]
    licence = package.read_text("LICENSE")
    if licence is None or None in texts:
        raise DataError(f"{LEAFLET_PACKAGE}: lacks leaflet.js, leaflet.css or LICENSE; install it again")
    script, styles = (str(text) for text in texts)
    number = re.search(r"Leaflet (\d+\.\d+\.\d+)", script)
    return Library(
        name=f"Leaflet {number.group(1) if number else package.version}",
        script=re.sub(r"//# sourceMappingURL=\S+", "", script).replace("</script", "<\\/script"),
        styles=re.sub(r"url\((?!data:)[^)]*\)", "none", styles),  # no picture is looked for outside of the page
        licence=licence,
    )


def _colours() -> dict[str, Any]:
    ramp = [f"rgba({r},{g},{b},{a / 255:.2f})" for r, g, b, a in probability_palette()[1:]]
    return {
        "manual": style.MANUAL,
        "predicted": style.PREDICTED,
        "errors": dict(style.ERROR_COLOURS),
        "states": {str(state): colour for state, colour in STATE_COLOURS.items()},
        "probability": [ramp[round(place * (PROBABILITY_LEVELS - 1) / 5)] for place in range(6)],
    }


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]
