"""Orders from Planet as they are delivered: RapidEye's five bands, PlanetScope's four or eight.

A scene is `<item>_Analytic_SR.tif` (RapidEye, also PlanetScope tiles), `<item>_3B_AnalyticMS_SR.tif` or
`<item>_3B_AnalyticMS_SR_8b.tif`, with or without `_harmonized` and `_clip`; beside it lie a usable-data mask
(`*_udm.tif` or `*_udm2.tif`) and metadata (`*_metadata.xml` in Planet's profile of the Earth-observation GML, or
`*_metadata.json`). Surface reflectance is stored times 10,000, says the product's specification.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from chronoslide.errors import DataError
from chronoslide.scenes.deliveries.found import Found, Recognised
from chronoslide.scenes.deliveries.metadata_reading import date_in, number, read_json_object, read_xml, text_of

RAPIDEYE_BANDS: Final = ("blue", "green", "red", "red_edge", "nir")
FOUR_BANDS: Final = ("blue", "green", "red", "nir")
EIGHT_BANDS: Final = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "red_edge", "nir")
SENSORS: Final = {5: "RapidEye", 4: "PlanetScope (4 bands)", 8: "PlanetScope (8 bands)"}
ORDERS: Final = {5: RAPIDEYE_BANDS, 4: FOUR_BANDS, 8: EIGHT_BANDS}
SCALE: Final = 10_000.0

_SCENE = re.compile(
    r"(?P<item>.+?)(?:_[13][AB])?(?:_BGRN)?(?:_(?P<product>Analytic(?:MS)?))?(?P<reflectance>_SR)?(?P<eight>_8b)?"
    r"(?:_harmonized)?(?:_clip)?",
    re.IGNORECASE,
)
_COMPANION = re.compile(
    r"(?P<item>.+?)(?:_[13][AB])?(?:_BGRN)?(?:_Analytic(?:MS)?)?(?:_SR)?(?:_8b)?(?:_DN)?"
    r"_(?P<kind>udm2|udm|metadata)(?:_clip)?",
    re.IGNORECASE,
)


def recognise(files: Sequence[Path]) -> Recognised:
    """Finds Planet's scenes among files.

    Raises:
        DataError: Metadata beside a scene cannot be read.
    """
    companions: dict[tuple[Path, str], dict[str, Path]] = {}
    for path in files:
        match = _COMPANION.fullmatch(path.stem)
        if match and path.suffix.lower() in (".tif", ".tiff", ".xml", ".json"):
            kind = match["kind"].lower() + (path.suffix.lower() if match["kind"].lower() == "metadata" else "")
            companions.setdefault((path.parent, match["item"]), {})[kind] = path
    scenes: list[Found] = []
    taken: set[Path] = {path for group in companions.values() for path in group.values()}
    for path in files:
        match = _SCENE.fullmatch(path.stem)
        if path in taken or path.suffix.lower() not in (".tif", ".tiff") or match is None:
            continue
        if match["product"] is None and match["reflectance"] is None:
            continue
        taken.add(path)
        scenes.append(_scene(path, match, companions.get((path.parent, match["item"]), {})))
    if not scenes:
        taken = set()  # masks and metadata alone may be somebody else's
    return Recognised(tuple(scenes), frozenset(taken))


def _scene(path: Path, match: re.Match[str], beside: Mapping[str, Path]) -> Found:
    facts: dict[str, Any] = {}
    metadata = beside.get("metadata.xml", beside.get("metadata.json"))
    for kind, read in (("metadata.json", _from_json), ("metadata.xml", _from_xml)):
        if kind in beside:
            facts |= read(beside[kind])
    named = date_in(path.name)
    date, date_from = facts.get("date"), f"of {metadata.name}" if metadata else ""
    notes = list(facts.get("notes", ()))
    if date is None:
        date, date_from = named, "in the file's name"
    elif named is not None and abs((named - date).days) > 1:
        notes.append(f"{path.name}: its name says {named}, its metadata say {date}; the metadata are believed")
    mask = beside.get("udm2", beside.get("udm"))
    if mask is None:
        notes.append(f"{path.name}: no usable-data mask (udm or udm2) beside it; clouds stay in")
    problem = None
    if match["reflectance"] is None and "scale" not in facts:
        problem = (
            f"{path}: holds top-of-atmosphere radiance (Analytic), not surface reflectance; order Analytic SR "
            "(ortho_analytic_sr)"
        )
    bands: tuple[str, ...] = facts.get("bands", ())
    return Found(
        provider="Planet",
        sensor=facts.get("sensor", ""),
        label=path.stem,
        bands=bands,
        bands_from=f"of {metadata.name}" if bands and metadata else "",
        scene=path,
        date=date,
        date_from=date_from if date else "",
        usable_data_mask=mask,
        metadata=metadata,
        scale=facts.get("scale", SCALE),
        scale_from=f"of {metadata.name}" if "scale" in facts and metadata else "Planet's surface reflectance",
        nodata=0.0,
        provenance=facts.get("provenance", "observed"),
        notes=tuple(notes),
        problem=problem,
    )


def _from_xml(path: Path) -> dict[str, Any]:
    root = read_xml(path)
    facts: dict[str, Any] = {}
    date = date_in(text_of(root, "acquisitionDateTime", "acquisitionDate", "beginPosition"))
    if date is not None:
        facts["date"] = date
    platform = text_of(root, "serialIdentifier") or ""
    name = f"{text_of(root, 'shortName') or ''} {platform}"
    count = text_of(root, "numBands")
    if re.search(r"rapideye|\bRE-?[1-5]\b", name, re.IGNORECASE):
        facts["sensor"] = SENSORS[5]
    elif re.search(r"planetscope|\bPS", name, re.IGNORECASE) and count in ("4", "8"):
        facts["sensor"] = SENSORS[int(count)]
    return facts


def _from_json(path: Path) -> dict[str, Any]:
    content = read_json_object(path)
    properties = content.get("properties")
    facts: dict[str, Any] = {}
    told: Mapping[str, Any] = properties if isinstance(properties, dict) else content
    date = date_in(str(told.get("acquired") or told.get("datetime") or ""))
    if date is not None:
        facts["date"] = date
    if isinstance(told.get("sensor"), str):
        facts["sensor"] = told["sensor"]
    bands = told.get("bands")
    if isinstance(bands, list) and bands and all(isinstance(band, str) for band in bands):
        facts["bands"] = tuple(bands)
    if "reflectance_scale" in told:
        facts["scale"] = number(told["reflectance_scale"], path, "reflectance_scale")
        if facts["scale"] <= 0:
            raise DataError(f"{path}: reflectance_scale must be above 0; deliver the provider's own file")
    if told.get("provenance") == "simulated":
        facts["provenance"] = "simulated"
    return facts
