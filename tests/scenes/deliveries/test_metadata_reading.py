"""Providers' metadata is anybody's text."""

from pathlib import Path

import pytest

from chronoslide.errors import DataError
from chronoslide.scenes.deliveries.metadata_reading import read_xml


@pytest.mark.parametrize("encoding", ["nothing", "UTFm8", "utf-7", "True"])
def test_metadata_in_an_encoding_that_there_is_not_are_refused_in_one_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "MTD_MSIL2A.xml"
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?><a>1</a>')
    with pytest.raises(DataError, match="not XML"):
        read_xml(path)
