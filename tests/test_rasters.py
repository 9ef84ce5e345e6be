import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from chronoslide import rasters
from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.rasters import open_raster, read_grid, read_raster, write_raster, write_raster_of_rows

GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (3, 4))
VALUES = np.arange(24, dtype=np.uint16).reshape(3, 4, 2)


def write_plainly(path, values, **profile):
    """(rows, cols, bands) through rasterio alone, as another program would."""
    known = {"crs": GRID.crs, "transform": GRID.transform}
    rows, cols, count = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=cols, count=count, dtype=values.dtype, **(known | profile)
    ) as target:
        target.write(np.moveaxis(values, -1, 0))


def test_what_is_written_is_read(tmp_path):
    valid = np.ones((3, 4), dtype=bool)
    valid[1, 2] = False
    write_raster(tmp_path / "a.tif", VALUES, GRID, bands=["red", "nir"], valid=valid, tags={"date": "2016-11-04"})
    raster = read_raster(tmp_path / "a.tif")
    np.testing.assert_array_equal(raster.values, VALUES)
    np.testing.assert_array_equal(raster.valid, valid)
    assert raster.grid == GRID
    assert raster.bands == ("red", "nir")
    assert read_grid(tmp_path / "a.tif") == GRID
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.tags()["date"] == "2016-11-04"
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_nothing_but_the_raster_is_left_in_the_folder(tmp_path):
    write_raster(tmp_path / "a.tif", VALUES, GRID, bands=["red", "nir"], valid=np.ones((3, 4), dtype=bool))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_the_same_array_gives_the_same_bytes(tmp_path):
    noise = np.random.default_rng(1).random((300, 300, 2), dtype=np.float32)
    grid = Grid(GRID.crs, GRID.transform, (300, 300))
    for name in ("a.tif", "b.tif"):
        write_raster(tmp_path / name, noise, grid, bands=["a", "b"], valid=noise[..., 0] > 0.1, tags={"x": "y"})
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_overviews_of_classes_invent_no_class(tmp_path):
    classes = np.tile(np.array([[0, 255], [1, 0]], dtype=np.uint8), (300, 300))
    write_raster(
        tmp_path / "a.tif", classes, Grid(GRID.crs, GRID.transform, (600, 600)), bands=["label"], overviews="nearest"
    )
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as source:
        assert source.shape == (300, 300)
        assert set(np.unique(source.read())) <= {0, 1, 255}


@pytest.mark.parametrize(
    ("values", "nodata", "expected"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], None, [True, True]),
        ([[1.0, 0.0], [3.0, 4.0]], 0, [False, True]),
        ([[0.0, 0.0], [0.0, 4.0]], 0, [False, False]),
        ([[1.0, np.nan], [3.0, 4.0]], None, [False, True]),
        ([[1.0, np.nan], [3.0, np.inf]], np.nan, [False, False]),
    ],
    ids=["all observed", "one band is NoData", "NoData", "not a number without a tag", "not a number is NoData"],
)
def test_a_pixel_is_valid_where_every_band_was_observed(tmp_path, values, nodata, expected):
    write_plainly(tmp_path / "a.tif", np.array([values], dtype=np.float32), nodata=nodata)
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").valid, [expected])


def test_a_file_without_band_names_has_empty_ones(tmp_path):
    write_plainly(tmp_path / "a.tif", VALUES)
    assert read_raster(tmp_path / "a.tif").bands == ("", "")


def break_(path, how):
    if how == "truncated":
        write_raster(
            path,
            np.random.default_rng(0).random((300, 300)),
            Grid(GRID.crs, GRID.transform, (300, 300)),
            bands=["a"],
        )
        path.write_bytes(path.read_bytes()[:200_000])
    elif how == "text":
        path.write_text("not a raster")
    elif how == "empty":
        path.touch()
    elif how == "without CRS":
        with pytest.warns(NotGeoreferencedWarning):
            write_plainly(path, VALUES, crs=None, transform=Affine.identity())
    elif how == "rotated":
        write_plainly(path, VALUES, transform=Affine.rotation(10) @ GRID.transform)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "cannot be read as a raster"),
        ("text", "cannot be read as a raster"),
        ("empty", "cannot be read as a raster"),
        ("missing", "no such file"),
        ("without CRS", "no coordinate reference system"),
        ("rotated", "north-up"),
    ],
)
def test_a_broken_file_is_named_in_one_line(tmp_path, how, words):
    path = tmp_path / "tile.tif"
    break_(path, how)
    with pytest.raises(DataError, match=words) as caught:
        read_raster(path)
    assert "tile.tif" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("values", "bands"), [(VALUES[:2], ["a", "b"]), (VALUES, ["a"]), (VALUES[..., 0], ["a", "b"])])
def test_an_array_that_does_not_fit_its_grid_is_not_written(tmp_path, values, bands):
    with pytest.raises(GridError, match="does not fit"):
        write_raster(tmp_path / "a.tif", values, GRID, bands=bands)
    assert list(tmp_path.iterdir()) == []


def test_a_window_of_an_open_raster_is_that_part_of_the_whole(tmp_path):
    valid = np.ones((3, 4), dtype=bool)
    valid[1, 2] = False
    write_raster(tmp_path / "a.tif", VALUES, GRID, bands=["red", "nir"], valid=valid)
    with open_raster(tmp_path / "a.tif") as raster:
        values, known = raster.read(Window(1, 0, 2, 3), [1])
        assert (raster.grid, raster.bands, raster.dtype) == (GRID, ("red", "nir"), np.uint16)
    np.testing.assert_array_equal(values, VALUES[:, 1:3, 1:])
    np.testing.assert_array_equal(known, valid[:, 1:3])


def test_the_strips_of_an_open_raster_are_the_whole(tmp_path):
    values = np.arange(600 * 3, dtype=np.uint16).reshape(600, 3, 1)
    write_plainly(tmp_path / "a.tif", values, nodata=7)
    with open_raster(tmp_path / "a.tif") as raster:
        strips, valid = zip(*raster.strips(), strict=True)
    assert [len(strip) for strip in strips] == [256, 256, 88]
    np.testing.assert_array_equal(np.concatenate(strips), values)
    assert np.argwhere(~np.concatenate(valid)).tolist() == [[2, 1]]


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_the_number_of_threads_does_not_change_the_bytes(tmp_path, monkeypatch, kind):
    grid = Grid(GRID.crs, GRID.transform, (700, 900))
    values = np.random.default_rng(1).integers(0, 50, (700, 900, 2)).astype(kind)
    for threads in (1, 2, 5):
        for options in (rasters._COG_WHOLE_NUMBERS, rasters._COG_FLOATING_POINT):
            monkeypatch.setitem(options, "num_threads", threads)
        write_raster(tmp_path / f"{threads}.tif", values, grid, bands=["red", "nir"])
    one, two, five = ((tmp_path / f"{threads}.tif").read_bytes() for threads in (1, 2, 5))
    assert one == two == five


@pytest.mark.parametrize("shape", [(700, 300), (513, 1101), (90, 40)])
def test_a_raster_of_rows_on_disk_has_the_bytes_of_one_in_memory(tmp_path, shape):
    values = np.random.default_rng(1).random(shape, dtype=np.float32)
    values[:9] = np.nan
    grid = Grid(GRID.crs, GRID.transform, values.shape)
    tags = {"year": "2016", "words": 'a <b> "c" & d'}
    write_raster(tmp_path / "a.tif", values, grid, bands=["p"], nodata=float("nan"), tags=tags)
    (tmp_path / "rows").write_bytes(b"head" + values.tobytes())
    (tmp_path / "rows.vrt.ovr").write_bytes(b"left by a process that was killed")
    write_raster_of_rows(tmp_path / "b.tif", tmp_path / "rows", 4, grid, band="p", tags=tags)
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "a.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif", "rows"]


def test_overviews_are_means_of_what_was_observed_down_to_one_block(tmp_path):
    values = np.full((1024, 600), 0.25, dtype=np.float32)
    values[:, 1::2] = 0.75
    values[:4, :2] = np.nan
    values[2, 1] = 0.5  # the one observed pixel of its four
    write_raster(tmp_path / "a.tif", values, Grid(GRID.crs, GRID.transform, values.shape), bands=["p"], nodata=np.nan)
    with rasterio.open(tmp_path / "a.tif") as source:
        assert source.overviews(1) == [2, 4]
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as half:
        found = half.read(1)
    assert np.isnan(found[0, 0])
    assert found[1, 0] == 0.5
    assert (found[:, 1:] == 0.5).all()


@pytest.mark.parametrize("name", ["a.tif", "a.vrt"])
@pytest.mark.parametrize(
    "text",
    [
        "<VRTDataset rasterXSize='4' rasterYSize='3'><VRTRasterBand dataType='UInt16' band='1'><SimpleSource>"
        "<SourceFilename>{secret}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
        "<GDAL_WMS><Service name='TMS'><ServerUrl>http://localhost:9/</ServerUrl></Service></GDAL_WMS>",
    ],
)
def test_a_raster_that_points_elsewhere_is_refused(tmp_path, name, text):
    write_plainly(tmp_path / "secret.tif", VALUES)
    (tmp_path / name).write_text(text.format(secret=tmp_path / "secret.tif"))
    for read in (read_raster, read_grid):
        with pytest.raises(DataError, match="no GeoTIFF, JPEG 2000"):
            read(tmp_path / name)


def test_a_header_that_claims_more_than_the_memory_is_refused_before_it_is_read(tmp_path):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=2_000_000, width=2_000_000, count=1, dtype="float64",
        crs=GRID.crs, transform=GRID.transform, tiled=True, blockxsize=65_536, blockysize=65_536,
        sparse_ok=True, BIGTIFF="YES",
    ):  # fmt: skip
        pass
    assert (tmp_path / "a.tif").stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"claims 2000000 x 2000000 pixels in 1 bands, 36000\.0 GB"):
        read_raster(tmp_path / "a.tif")
    assert read_grid(tmp_path / "a.tif").shape == (2_000_000, 2_000_000)


def test_more_bands_than_a_sensor_has_are_refused(tmp_path):
    write_plainly(tmp_path / "a.tif", np.zeros((3, 4, 1001), np.uint8))
    with pytest.raises(DataError, match=r"a\.tif: claims 1001 bands, and 1000 at most"):
        read_raster(tmp_path / "a.tif")
