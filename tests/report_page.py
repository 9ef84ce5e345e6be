"""Reads a rendered page as a reader with a pencil would: its tables, what each number claims to be, every address."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

from chronoslide.reporting import published
from chronoslide.reporting.tables.cells import look_up
from chronoslide.vectors import read_polygons

NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+")
_PAPER = {
    "table-3": {"Paper: loss": "loss", "Paper: precision": "precision", "Paper: recall": "recall", "Paper: F1": "f1"},
    "table-4": {
        "Paper: MI number": "manual_number", "Paper: MI area, m²": "manual_area_m2",
        "Paper: PI number": "predicted_number", "Paper: PI area, m²": "predicted_area_m2",
    },
    "table-5": {"Paper: MI": "manual_density", "Paper: PI": "predicted_density"},
}  # fmt: skip
_BALANCE = {
    "Stock before": "stock_before",
    "+ new": "new",
    "+ reactivated": "reactivated",
    "+ split off": "split_off",
    "\N{MINUS SIGN} healed": "healed",
    "\N{MINUS SIGN} merged away": "merged_away",
    "= stock": "stock",
    "of which unobserved": "unobserved",
}


@dataclass
class Field:
    """A cell of a table, or a headline, with the places in metrics.json that it names."""

    text: str
    sources: list[str]


@dataclass
class ReadTable:
    columns: list[str] = field(default_factory=list)
    rows: list[list[Field]] = field(default_factory=list)


class Page(HTMLParser):
    """What stands on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, ReadTable] = {}
        self.headlines: list[Field] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self._table: ReadTable | None = None
        self._head: list[str] | None = None
        self._field: Field | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.addresses += [given[name] for name in ("src", "href") if given.get(name)]
        self.ids += [given["id"]] if given.get("id") else []
        sources = given.get("data-sources", "").split()
        if tag == "table":
            self._table = self.tables.setdefault(given.get("aria-labelledby", ""), ReadTable())
        elif tag == "tr" and self._table is not None:
            self._table.rows.append([])
        elif tag in {"th", "td"} and self._table is not None:
            self._field = Field("", sources)
            if given.get("scope") == "col":
                self._head = self._table.columns
            else:
                self._table.rows[-1].append(self._field)
        elif tag == "dd" and "data-sources" in given:
            self._field = Field("", sources)
            self.headlines.append(self._field)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"th", "td", "dd"} and self._field is not None:
            if self._head is not None:
                self._head.append(self._field.text)
            self._field, self._head = None, None
        elif tag == "table":
            if self._table is not None:
                self._table.rows = [row for row in self._table.rows if row]
            self._table = None

    def handle_data(self, text: str) -> None:
        if self._field is not None:
            self._field.text += text


def agrees(text: str, value: float) -> bool:
    """Whether a printed number is a value, rounded to the decimals with which it is printed."""
    decimals = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5001 * 10**-decimals


def wrong_numbers(page: Page, root: Path) -> list[str]:
    """Every number of the tables and headlines that is not the one in the file that it comes from.

    A number without a known origin is wrong, too. The search has tests of its own.
    """
    metrics = json.loads((root / "reports/metrics.json").read_text())
    wrong = [_described("headline", entry) for entry in page.headlines if not _as_in(metrics, entry)]
    for key, table in page.tables.items():
        if key in {"", "table-2"}:  # provenance: text; the search
            continue
        for row in table.rows:
            for column, entry in zip(table.columns[1:], row[1:], strict=True):
                if entry.sources:
                    right = _as_in(metrics, entry)
                else:
                    right = not NUMBER.search(entry.text) or _elsewhere(root, key, row[0].text, column, entry.text)
                if not right:
                    wrong.append(_described(f"{key}, {row[0].text}, {column}", entry))
    return wrong


def _as_in(metrics: dict[str, Any], entry: Field) -> bool:
    shown = NUMBER.findall(entry.text)
    found = [look_up(metrics, source) for source in entry.sources]
    return len(shown) == len(found) and all(map(agrees, shown, found))


def _elsewhere(root: Path, key: str, name: str, column: str, text: str) -> bool:
    """Whether a number that is not in the metrics is the one in its own file."""
    if column in _PAPER.get(key, {}):
        paper = published.published_year(int(name.rstrip("*")))
        return paper is not None and agrees(text, getattr(paper, _PAPER[key][column]))
    if key == "table-1":
        entry = json.loads((root / "results/scenes/summary.json").read_text())["sites"]["investigation"][name]
        known = {
            "Date": entry["date"] == text, "Tiles": str(entry["tiles"]) == text,
            "Area covered, %": column.startswith("Area") and agrees(text, 100 * entry["covered_share"]),
            "Unobserved, km²": column.startswith("Unobserved") and agrees(text, entry["unobserved_km2"]),
        }  # fmt: skip
        return known.get(column, False)
    if key == "radiometry":
        entry = json.loads((root / "results/scenes/summary.json").read_text())["sites"]["investigation"][name]
        band = entry["normalisation"][column.replace(" ", "_")]
        stored = [band["unchanged_rmse_before"], band["unchanged_rmse_after"]]
        return all(map(agrees, NUMBER.findall(text), stored)) and len(NUMBER.findall(text)) == len(stored)
    if key.startswith("balance-") and column in _BALANCE:
        table = pd.read_csv(root / "reports/tables/balance.csv").query(
            "inventory == @side", local_dict={"side": key[8:]}
        )
        return agrees(text, table.set_index("year").loc[int(name), _BALANCE[column]])
    if key == "second-looks":
        year, identity = name.split(" / ")
        inventory = read_polygons(root / "results/inventories/predicted.gpkg", year).set_index("landslide_id")
        outline, centre = inventory.loc[int(identity)], inventory.geometry.centroid.loc[int(identity)]
        known = {
            "Area, m²": outline.geometry.area, "Mean probability": outline["mean_probability"],
            "Easting, m": centre.x, "Northing, m": centre.y,
        }  # fmt: skip
        return agrees(text, known[column])
    return False


def _described(where: str, entry: Field) -> str:
    return f"{where}: {entry.text.strip()!r} {' '.join(entry.sources)}"
