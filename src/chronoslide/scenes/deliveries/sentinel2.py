"""Sentinel-2 Level-2A: a SAFE folder as ESA delivers it, or cloud-optimised GeoTIFFs with a STAC item beside them.

Bands come in files of 10 and 20 m; the scene classification (SCL) is the mask. From processing baseline 04.00 on,
stored values carry a radiometric offset: reflectance = (stored + BOA_ADD_OFFSET) / BOA_QUANTIFICATION_VALUE. Whether
a file still has it is read from MTD_MSIL2A.xml, or from the item (`earthsearch:boa_offset_applied`, the offset of
`raster:bands`), and never guessed from a date: archives are reprocessed, and some mirrors take the offset away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from chronoslide.dataset import Source
from chronoslide.errors import DataError
from chronoslide.scenes.deliveries.found import Found, Recognised
from chronoslide.scenes.deliveries.metadata_reading import (
    date_in,
    elements,
    inside,
    number,
    read_json_object,
    read_xml,
    text_of,
)

BANDS: Final = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "red_edge", "B06": "red_edge_2",
    "B07": "red_edge_3", "B08": "nir", "B8A": "narrow_nir", "B11": "swir_1", "B12": "swir_2",
}  # fmt: skip
"""By ESA's number, in the order of their wavelengths; the bands of 60 m for water vapour and cirrus are of no use."""

SCALE: Final = 10_000.0
FETCHED: Final = "fetched.json"
"""What `chronoslide fetch` took for a year: items and checksums; it lies above the folders of the items."""
_COMMON: Final = {
    "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06", "rededge3": "B07",
    "rededge": "B05", "nir": "B08", "nir08": "B8A", "swir16": "B11", "swir22": "B12", "coastal": "B01",
}  # fmt: skip
_METADATA = "MTD_MSIL2A.xml"
_BAND_FILE = re.compile(r"(?:.*_)?(B0[1-9]|B8A|B1[0-2]|SCL)(?:_(10|20|60)m)?", re.IGNORECASE)
_PRODUCT = re.compile(r"(?:^|_)(?:S2[A-D]_|T\d{2}[A-Z]{3}_\d{8}T)|_L2A(?:_|$)")
_RASTERS = (".tif", ".tiff", ".jp2")


def recognise(files: Sequence[Path]) -> Recognised:
    """Finds Sentinel-2 products among files.

    Raises:
        DataError: Metadata cannot be read, or name files outside of their folder.
    """
    scenes: list[Found] = []
    taken: set[Path] = set()
    problems: list[str] = []
    for metadata in files:
        if metadata.name.upper() == "MTD_MSIL1C.XML":
            problems.append(f"{metadata}: a Level-1C product (top of atmosphere); deliver its Level-2A")
            taken |= _below(metadata.parent, files)
        elif metadata.name == _METADATA:
            scenes.append(_safe(metadata, files))
            taken |= _below(metadata.parent, files)
    by_folder: dict[Path, list[Path]] = {}
    for path in files:
        if path not in taken:
            by_folder.setdefault(_product_folder(path), []).append(path)
    for folder, here in sorted(by_folder.items()):
        for found, own in _cogs(folder, here):
            scenes.append(found)
            taken |= own
    return Recognised(tuple(scenes), frozenset(taken), tuple(problems))


def require_stated_offset(metadata: Path, offset: float) -> None:
    """Refuses an offset other than the one that the metadata state, so that it is applied exactly once.

    Raises:
        DataError: They differ, or the metadata cannot be read.
    """
    stated = None
    if metadata.name == _METADATA:
        stated, _ = _offset_of_product(metadata)
    elif metadata.suffix.lower() in (".json", ".geojson"):
        stated, _ = _offset_of_item(read_json_object(metadata), metadata)
    if stated is not None and stated != offset:
        raise DataError(
            f"{metadata}: states a radiometric offset of {stated:g}, dataset.yaml says {offset:g}; correct `offset` or "
            "take `metadata` out of the description where it is the metadata that are wrong"
        )


def _product_folder(path: Path) -> Path:
    """The folder that holds all bands of a file's product: those of 10 and 20 m may lie in folders of their own."""
    for folder in path.parents:
        if folder.suffix == ".SAFE":
            return folder
    return path.parent.parent if path.parent.name in ("R10m", "R20m", "R60m") else path.parent


def _below(folder: Path, files: Sequence[Path]) -> set[Path]:
    return {path for path in files if folder in path.parents}


def _safe(metadata: Path, files: Sequence[Path]) -> Found:
    root = read_xml(metadata)
    folder = metadata.parent
    listed = [inside(folder, (element.text or "").strip(), metadata) for element in elements(root, "IMAGE_FILE")]
    present = {path.with_suffix(""): path for path in _below(folder, files) if path.suffix.lower() in _RASTERS}
    chosen, classification = _finest(list(present.values()))
    problem = None
    for path in listed:
        match = _BAND_FILE.fullmatch(path.name)
        if match and match[1] not in ("B09", "B10") and path not in present and BANDS.get(match[1]) not in chosen:
            problem = f"{path}.jp2: listed by {_METADATA} and missing; deliver the whole product"
            break
    offset, offset_from = _offset_of_product(metadata)
    quantity = text_of(root, "BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
    date = date_in(text_of(root, "PRODUCT_START_TIME", "DATATAKE_SENSING_START"))
    if problem is None and not chosen:
        problem = f"{folder}: has no band files (*_B02_10m.jp2); deliver the whole product"
    return _found(
        folder.name.removesuffix(".SAFE"),
        chosen,
        classification,
        metadata,
        date=date or date_in(folder.name),
        date_from=f"of {_METADATA}" if date else "in the folder's name",
        scale=number(quantity, metadata, "BOA_QUANTIFICATION_VALUE") if quantity else SCALE,
        scale_from=f"of {_METADATA}" if quantity else "Sentinel-2's Level-2A",
        offset=offset,
        offset_from=offset_from,
        problem=problem,
        unless_offset=_without_offset(metadata, offset, offset_from),
        fallback=folder,
    )


def _offset_of_product(metadata: Path) -> tuple[float | None, str]:
    """BOA_ADD_OFFSET of a product, and how it is known; None where the metadata leave it open."""
    root = read_xml(metadata)
    values = {number(element.text, metadata, "BOA_ADD_OFFSET") for element in elements(root, "BOA_ADD_OFFSET")}
    baseline = text_of(root, "PROCESSING_BASELINE")
    if len(values) > 1:
        raise DataError(
            f"{metadata}: BOA_ADD_OFFSET differs between bands ({', '.join(f'{one:g}' for one in sorted(values))}); "
            "subtract the offsets and describe the bands by hand"
        )
    if values:
        return values.pop(), f"BOA_ADD_OFFSET of {metadata.name}"
    if baseline is not None and number(baseline, metadata, "PROCESSING_BASELINE") < 4:
        return 0.0, f"none in processing baseline {baseline}"
    return None, f"baseline {baseline or 'not stated'}, no BOA_ADD_OFFSET"


def _without_offset(path: Path, offset: float | None, how: str) -> str | None:
    if offset is not None:
        return None
    return (
        f"{path}: does not say which radiometric offset its values carry ({how}); deliver the product's own "
        f"{_METADATA}, or state it with --offset (-1000 or 0)"
    )


def _cogs(folder: Path, files: Sequence[Path]) -> list[tuple[Found, set[Path]]]:
    items = [(path, item) for path in files if (item := _item_of(path)) is not None]
    found: list[tuple[Found, set[Path]]] = []
    rasters = {path for path in files if path.suffix.lower() in _RASTERS}
    for path, item in items:
        named, classification, hrefs = _assets(item, path, rasters)
        own = {path, *named.values(), *([classification] if classification else [])}
        found.append((_from_item(path, item, named, classification, hrefs), own))
        rasters -= own
    loose = {path for path in rasters if _BAND_FILE.fullmatch(path.stem) and _is_product(path)}
    if loose and not items:
        chosen, classification = _finest(sorted(loose))
        sample = min(loose)
        found.append(
            (
                _found(
                    folder.name, chosen, classification, None, date=date_in(sample.name) or date_in(folder.name),
                    date_from="in the file's name" if date_in(sample.name) else "in the folder's name", scale=SCALE,
                    scale_from="Sentinel-2's Level-2A", offset=None, offset_from="no metadata",
                    problem=None, fallback=folder,
                    unless_offset=_without_offset(folder, None, f"no {_METADATA} and no STAC item beside its bands"),
                ),
                loose,
            )
        )  # fmt: skip
    return found


def _is_product(path: Path) -> bool:
    return bool(_PRODUCT.search(path.stem) or _PRODUCT.search(path.parent.name))


def _item_of(path: Path) -> Mapping[str, Any] | None:
    """The STAC item of Sentinel-2 in a file, None where it is something else."""
    if path.suffix.lower() not in (".json", ".geojson") or path.name.endswith("_metadata.json"):
        return None
    content = read_json_object(path)
    properties = content.get("properties")
    if content.get("type") != "Feature" or not isinstance(content.get("assets"), dict):
        return None
    told = properties if isinstance(properties, dict) else {}
    text = f"{told.get('platform', '')} {told.get('constellation', '')} {content.get('collection', '')}".lower()
    return content if "sentinel-2" in text or "sentinel2" in text else None


def _assets(
    item: Mapping[str, Any], path: Path, rasters: set[Path]
) -> tuple[dict[str, Path], Path | None, dict[str, str]]:
    """The local files of an item's bands (by our names), its classification, and all assets' names by band.

    An item tells addresses; what was downloaded lies beside it under the last part of the address, or under the
    asset's key or the band's name.
    """
    named: dict[str, Path] = {}
    hrefs: dict[str, str] = {}
    classification: Path | None = None
    by_name = {raster.name.lower(): raster for raster in sorted(rasters)}
    by_band: dict[str, Path] = {}
    for raster in sorted(rasters):
        if match := _BAND_FILE.fullmatch(raster.stem):
            by_band.setdefault(match[1].upper(), raster)
    for key, asset in item["assets"].items():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            continue
        number_ = band_of_asset(str(key), asset)
        if number_ is None:
            continue
        href = asset["href"]
        last = inside(path.parent, PurePosixPath(href.split("?")[0]).name or "_", path).name
        if "://" not in href and not href.startswith("/vsi"):
            inside(path.parent, href.removeprefix("./"), path)
        local = by_name.get(last.lower()) or by_band.get(number_)
        for suffix in _RASTERS:
            local = local or by_name.get(f"{key}{suffix}".lower())
        if number_ == "SCL":
            classification = local
        elif number_ in BANDS and BANDS[number_] not in named:
            hrefs[BANDS[number_]] = last
            if local is not None:
                named[BANDS[number_]] = local
    return named, classification, hrefs


def band_of_asset(key: str, asset: Mapping[str, Any]) -> str | None:
    """ESA's number of an asset's band, SCL, or None; JPEG 2000 twins of a COG (`red-jp2`) are passed over."""
    if key.lower().endswith("-jp2"):
        return None
    for text in (key.split("_")[0].upper(), key.upper()):
        if text in BANDS or text == "SCL":
            return text
    if key.lower() in _COMMON:
        return _COMMON[key.lower()]
    bands = asset.get("eo:bands") or asset.get("bands") or []
    if isinstance(bands, list) and len(bands) == 1 and isinstance(bands[0], dict):
        name = str(bands[0].get("name", "")).upper()
        return name if name in BANDS else None
    return None


def _from_item(
    path: Path, item: Mapping[str, Any], named: dict[str, Path], classification: Path | None, hrefs: dict[str, str]
) -> Found:
    told = item["properties"] if isinstance(item.get("properties"), dict) else {}
    offset, offset_from = _offset_of_item(item, path)
    problem = None
    if not named:
        wanted = ", ".join(sorted(hrefs.values())[:3]) or "B02.tif, B03.tif"
        problem = f"{path}: none of its bands lies beside it ({wanted}, ...); deliver the files of its assets"
    return _found(
        str(item.get("id") or path.stem), named, classification, path, date=date_in(str(told.get("datetime") or "")),
        date_from=f"of {path.name}", scale=_scale_of_item(item, path), scale_from=f"of {path.name}", offset=offset,
        offset_from=offset_from, problem=problem, fallback=path,
        unless_offset=_without_offset(path, offset, offset_from), source=_source(path, str(item.get("id"))),
    )  # fmt: skip


def _source(path: Path, item: str) -> Source | None:
    """What was noted when an item was fetched, None where it came by other ways."""
    record = path.parent.parent / FETCHED
    if not record.is_file():
        return None
    content = read_json_object(record)
    try:
        return Source(catalogue=content["catalogue"], item=item, **content["items"][item])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{record}: does not tell of {item}; fetch the year again") from error


def _offset_of_item(item: Mapping[str, Any], path: Path) -> tuple[float | None, str]:
    """What still has to be added to the stored values of an item's files, in stored units, and how that is known."""
    told = item["properties"] if isinstance(item.get("properties"), dict) else {}
    for key in ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied"):
        if told.get(key) is True:
            return 0.0, f"{key} of {path.name}"
    stated = {
        number(band["offset"], path, "offset") / number(band.get("scale", 1.0 / SCALE), path, "scale")
        for band in _raster_bands(item)
        if "offset" in band
    }
    stated = {float(round(value, 6)) for value in stated}
    if len(stated) > 1:
        raise DataError(
            f"{path}: the offset differs between bands; subtract the offsets and describe the bands by hand"
        )
    if stated:
        return stated.pop(), f"raster:bands of {path.name}"
    baseline = told.get("s2:processing_baseline") or told.get("processing:version")
    if baseline is not None and number(baseline, path, "s2:processing_baseline") < 4:
        return 0.0, f"none in processing baseline {baseline}"
    return None, f"processing baseline {baseline or 'not stated'}, no offset"


def _raster_bands(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Scale and offset of the reflectance bands' assets, by the raster extension's older and newer spelling."""
    result: list[Mapping[str, Any]] = []
    for key, asset in item["assets"].items() if isinstance(item.get("assets"), dict) else ():
        if not isinstance(asset, dict) or band_of_asset(str(key), asset) not in BANDS:
            continue
        listed = [asset.get(name) for name in ("raster:bands", "bands")]
        for band in [*(band for bands in listed if isinstance(bands, list) for band in bands), asset]:
            if isinstance(band, dict):
                plain = {name.removeprefix("raster:"): value for name, value in band.items()}
                if "offset" in plain or "scale" in plain:
                    result.append(plain)
    return result


def _scale_of_item(item: Mapping[str, Any], path: Path) -> float:
    scales = {number(band["scale"], path, "scale") for band in _raster_bands(item) if "scale" in band}
    if len(scales) > 1 or any(scale <= 0 for scale in scales):
        raise DataError(f"{path}: the scale differs between bands or is not above 0; describe the bands by hand")
    return float(round(1.0 / scales.pop(), 6)) if scales else SCALE


def _finest(paths: Sequence[Path]) -> tuple[dict[str, Path], Path | None]:
    """The file of the smallest pixels of each band, by our names, and the classification."""
    best: dict[str, tuple[int, Path]] = {}
    for path in paths:
        match = _BAND_FILE.fullmatch(path.stem)
        if match is None:
            continue
        number_, pixel = match[1].upper(), int(match[2] or 10)
        if number_ not in best or pixel < best[number_][0]:
            best[number_] = (pixel, path)
    chosen = {name: best[number_][1] for number_, name in BANDS.items() if number_ in best and best[number_][0] < 60}
    return chosen, best["SCL"][1] if "SCL" in best else None


def _found(
    label: str, chosen: Mapping[str, Path], classification: Path | None, metadata: Path | None, *, fallback: Path,
    problem: str | None, **facts: Any,
) -> Found:  # fmt: skip
    ordered = {name: chosen[name] for name in BANDS.values() if name in chosen}
    if problem is None and classification is None:
        problem = (
            f"{fallback}: no scene classification (SCL) beside its bands, so clouds would stay in; deliver the SCL band"
        )
    return Found(
        provider="Sentinel-2 Level-2A",
        sensor="Sentinel-2",
        label=label,
        bands=tuple(ordered),
        bands_from="ESA's band numbers",
        nodata=0.0,
        scene=None if ordered else fallback,
        band_files=ordered,
        scene_classification=classification,
        metadata=metadata,
        problem=problem,
        **facts,
    )
