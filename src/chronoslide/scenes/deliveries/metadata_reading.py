"""Reading providers' metadata, XML and JSON, as text that may have been made by anybody.

Entities, outside references, huge files and names that lead out of the delivery's folder are refused. Serves the
modules of the providers.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree as SafeTree  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

from chronoslide.errors import DataError

# The largest ones in use, those of Sentinel-2's granules, have about 0.5 MB.
_LARGEST_BYTES: Final = 16 * 1024 * 1024

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")


def read_xml(path: Path) -> Element:
    """Reads an XML file without resolving anything in it.

    Raises:
        DataError: The file is missing, too large, not XML, or declares entities or a document type.
    """
    try:
        root: Element = SafeTree.fromstring(_content(path), forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(
            f"{path}: declares a document type or entities, which metadata never need; deliver the provider's own file"
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:  # LookupError: of an encoding
        raise DataError(f"{path}: not XML ({_first_line(error)}); deliver the file again") from error
    return root


def read_json_object(path: Path) -> Mapping[str, Any]:
    """Reads a JSON file that holds an object.

    Raises:
        DataError: The file is missing, too large, not JSON, or holds something else.
    """
    try:
        content = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({_first_line(error)}); deliver the file again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object; deliver the provider's own file")
    return content


def elements(root: Element, name: str) -> Iterator[Element]:
    """All elements of this local name: providers change prefixes and namespaces from version to version."""
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.rpartition("}")[2].casefold() == name.casefold():
            yield element


def text_of(root: Element, *names: str) -> str | None:
    """The text of the first element that has one, by the first of the names that is there."""
    for name in names:
        for element in elements(root, name):
            if element.text and element.text.strip():
                return element.text.strip()
    return None


def inside(folder: Path, name: str, told_by: Path) -> Path:
    """The file of this name in a folder, where the name comes from metadata.

    Raises:
        DataError: The name leads out of the folder.
    """
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or "://" in name or "\\" in name or "\0" in name:
        raise DataError(f"{told_by}: names the file {name!r} outside of its folder; deliver the provider's own file")
    return folder / path


def date_in(text: str | None) -> datetime.date | None:
    """The first date in a text or file name: 2016-11-04, 20161104, 2016_11_04, also before a time."""
    for match in _DATE.finditer(text or ""):
        year, _, month, day = match.groups()
        try:
            return datetime.date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def number(value: object, told_by: Path, what: str) -> float:
    """A finite number out of metadata.

    Raises:
        DataError: It is something else.
    """
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        result = float("nan")
    if not abs(result) < 1e12:
        raise DataError(f"{told_by}: {what} is {str(value)[:40]!r}, not a number; deliver the provider's own file")
    return result


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise DataError(
                f"{path}: {path.stat().st_size / 1e6:.0f} MB are too many for metadata; deliver the provider's own file"
            )
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); deliver the file again") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
