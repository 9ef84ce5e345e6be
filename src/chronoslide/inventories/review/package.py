"""The review on disk: a GeoPackage that QGIS opens coloured by decision, with a list to choose the decision from.

Writes what `review` prepares and reads what people made of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Xml

import geopandas as gpd

from chronoslide.inventories.review.decisions import ACCEPT, EDITED, REJECT, UNDECIDED
from chronoslide.vectors import read_polygons, write_geopackage

REVIEW_LAYER: Final = "review"
# After the palette of Okabe & Ito (2008), which the colour-blind can tell apart: red, green, blue of the outline.
_COLOURS: Final = {
    UNDECIDED: ("230,159,0", "not decided"),
    ACCEPT: ("0,158,115", "accept"),
    EDITED: ("0,114,178", "edited"),
    REJECT: ("153,153,153", "reject"),
}


def write_review(path: Path, review: gpd.GeoDataFrame) -> None:
    """Writes a review package.

    Raises:
        StorageError: The place cannot be written to.
    """
    write_geopackage(path, {REVIEW_LAYER: review}, styles={REVIEW_LAYER: review_style()})


def read_review(path: Path) -> gpd.GeoDataFrame:
    """Reads a review package.

    Raises:
        DataError: The file is missing or broken, or holds no review.
    """
    return read_polygons(path, REVIEW_LAYER)


def review_style() -> str:
    """The QGIS style (QML): outlines by decision, the rank as a label, and a form in which a decision is chosen."""
    root = Xml.Element("qgis", {"version": "3.28.0", "styleCategories": "Symbology|Labeling|Fields|Forms|MapTips"})
    renderer = Xml.SubElement(root, "renderer-v2", {"type": "categorizedSymbol", "attr": "decision"})
    categories = Xml.SubElement(renderer, "categories")
    symbols = Xml.SubElement(renderer, "symbols")
    for number, (decision, (colour, label)) in enumerate(_COLOURS.items()):
        category = {"render": "true", "symbol": str(number), "value": decision, "label": label}
        Xml.SubElement(categories, "category", category)
        _outline(symbols, str(number), colour)
    fields = Xml.SubElement(root, "fieldConfiguration")
    widget = Xml.SubElement(Xml.SubElement(fields, "field", {"name": "decision"}), "editWidget", {"type": "ValueMap"})
    choices = Xml.SubElement(
        Xml.SubElement(Xml.SubElement(widget, "config"), "Option", {"type": "Map"}),
        "Option",
        {"type": "List", "name": "map"},
    )
    for decision, (_, label) in _COLOURS.items():
        choice = Xml.SubElement(choices, "Option", {"type": "Map"})
        Xml.SubElement(choice, "Option", {"type": "QString", "name": label, "value": decision})
    editable = Xml.SubElement(root, "editable")
    for name in ("rank", "feature", "area_m2", "uncertainty", "priority", "outline"):
        Xml.SubElement(editable, "field", {"name": name, "editable": "0"})
    Xml.SubElement(root, "mapTip").text = '<b>[% "rank" %]</b> [% round($area) %] m2, [% "uncertainty" %] bit'
    Xml.indent(root)
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + Xml.tostring(root, encoding="unicode") + "\n"
    )


def _outline(symbols: Xml.Element, name: str, colour: str) -> None:
    """An outline over a faint fill: the scene below must stay visible."""
    symbol = Xml.SubElement(symbols, "symbol", {"type": "fill", "name": name, "alpha": "1"})
    layer = Xml.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = Xml.SubElement(layer, "Option", {"type": "Map"})
    properties = {
        "color": f"{colour},30",
        "outline_color": f"{colour},255",
        "outline_style": "solid",
        "outline_width": "0.5",
        "outline_width_unit": "MM",
        "style": "solid",
    }
    for key, value in properties.items():
        Xml.SubElement(options, "Option", {"type": "QString", "name": key, "value": value})
