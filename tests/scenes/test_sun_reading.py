import json

import pytest

from chronoslide.errors import DataError
from chronoslide.scenes.sun_reading import read_sun
from chronoslide.scenes.terrain import Sun

XML = """<?xml version="1.0" encoding="UTF-8"?>
<re:EarthObservation xmlns:opt="http://earth.esa.int/opt" xmlns:re="http://schemas.rapideye.de/products/re/4.1">
  <opt:illuminationAzimuthAngle uom="deg">1.612345e+02</opt:illuminationAzimuthAngle>
  <opt:illuminationElevationAngle uom="deg"> 43.6 </opt:illuminationElevationAngle>
</re:EarthObservation>
"""
TOLD = {
    "ours": json.dumps({"sun_elevation_degrees": 43.6, "sun_azimuth_degrees": 161.2345}),
    "an item": json.dumps({"properties": {"sun_elevation": 43.6, "sun_azimuth": 161.2345}}),
    "STAC": json.dumps({"properties": {"view:sun_elevation": 43.6, "view:sun_azimuth": 161.2345 - 360}}),
    "XML": XML,
}
NOT_TOLD = {
    "nothing": "{}",
    "half": json.dumps({"sun_elevation": 43.6}),
    "words": json.dumps({"sun_elevation": "high", "sun_azimuth": "south"}),
    "truncated": '{"sun_elevation": 43.6, "sun_az',
    "other XML": "<scene/>",
    "empty": "",
}


@pytest.mark.parametrize("kind", TOLD)
def test_the_suns_position_is_found(tmp_path, kind):
    (tmp_path / "metadata").write_text(TOLD[kind], encoding="utf-8")
    sun = read_sun(tmp_path / "metadata")
    assert (sun.elevation_degrees, sun.azimuth_degrees) == pytest.approx((43.6, 161.2345))


@pytest.mark.parametrize("kind", NOT_TOLD)
def test_metadata_that_do_not_tell_are_no_mistake(tmp_path, kind):
    (tmp_path / "metadata").write_text(NOT_TOLD[kind], encoding="utf-8")
    assert read_sun(tmp_path / "metadata") is None


def test_a_sun_below_the_horizon_is_refused(tmp_path):
    (tmp_path / "metadata").write_text(json.dumps({"sun_elevation": -3, "sun_azimuth": 161}), encoding="utf-8")
    with pytest.raises(DataError, match=r"metadata: the sun stands -3 degrees high"):
        read_sun(tmp_path / "metadata")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone: cannot be read \(No such file"):
        read_sun(tmp_path / "gone")
    assert Sun(1.0, 2.0).azimuth_degrees == 2.0
