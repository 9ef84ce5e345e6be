"""The QGIS style of a tracked inventory: polygons coloured by state, in colours that the colour-blind can tell apart.

Used by `tracked_layers`, which puts it into the GeoPackage, and by figures that show the same states.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as Xml

from chronoslide.inventories.multitemporal.states import MEANING, State

# After the palette of Okabe & Ito (2008); what is gone or unknown is grey and green, what is active warm.
COLOURS: Final = {
    State.NEW: "#d55e00",
    State.PERSISTENT: "#8c6d46",
    State.ENLARGED: "#cc79a7",
    State.REACTIVATED: "#e6c619",
    State.HEALED: "#009e73",
    State.SPLIT: "#56b4e9",
    State.MERGED: "#0072b2",
    State.UNOBSERVED: "#9a9a9a",
}
_OPACITY = 190  # of 255: the scene below shines through


def qgis_style() -> str:
    """The style as QML: one category a state, in the order of the states."""
    root = Xml.Element("qgis", {"version": "3.28.0", "styleCategories": "Symbology|Labeling|MapTips"})
    renderer = Xml.SubElement(
        root, "renderer-v2", {"type": "categorizedSymbol", "attr": "state", "symbollevels": "0", "enableorderby": "0"}
    )
    categories = Xml.SubElement(renderer, "categories")
    symbols = Xml.SubElement(renderer, "symbols")
    for number, state in enumerate(State):
        Xml.SubElement(
            categories,
            "category",
            {"render": "true", "symbol": str(number), "value": str(state), "label": f"{state}: {MEANING[state]}"},
        )
        _symbol(symbols, str(number), COLOURS[state])
    Xml.SubElement(root, "mapTip").text = '<b>[% "landslide_id" %]</b> [% "state" %]<br>[% round($area) %] m2'
    Xml.indent(root)
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + Xml.tostring(root, encoding="unicode") + "\n"
    )


def _symbol(symbols: Xml.Element, name: str, colour: str) -> None:
    symbol = Xml.SubElement(
        symbols, "symbol", {"type": "fill", "name": name, "alpha": "1", "clip_to_extent": "1", "force_rhr": "0"}
    )
    layer = Xml.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    properties = {
        "color": f"{red},{green},{blue},{_OPACITY}",
        "outline_color": f"{red * 6 // 10},{green * 6 // 10},{blue * 6 // 10},255",
        "outline_style": "solid",
        "outline_width": "0.3",
        "outline_width_unit": "MM",
        "style": "solid",
    }
    options = Xml.SubElement(layer, "Option", {"type": "Map"})
    for key, value in properties.items():
        Xml.SubElement(options, "Option", {"type": "QString", "name": key, "value": value})
    for key, value in properties.items():  # for QGIS before 3.26, which reads `prop`
        Xml.SubElement(layer, "prop", {"k": key, "v": value})
