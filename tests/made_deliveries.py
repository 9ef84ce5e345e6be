"""Writes tiny deliveries as providers name and describe them: Planet's orders, Sentinel-2 products, files a band."""

import json

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from shapely.geometry import Polygon, box

WEST, NORTH = 300_000, 3_100_000
ROWS, COLS = 30, 40
RAPIDEYE = (400, 600, 500, 900, 2_600)


def values(levels, rows=ROWS, cols=COLS, seed=3):
    """(rows, cols, bands) of uint16 around these levels, no two pixels alike."""
    noise = np.random.default_rng(seed).normal(1.0, 0.05, (rows, cols, len(levels)))
    return np.rint(np.array(levels) * noise).astype(np.uint16)


def raster(path, cube, *, crs="EPSG:32645", pixel=5.0, west=WEST, north=NORTH, names=(), transform=None, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, cols, count = cube.shape
    driver = "JP2OpenJPEG" if path.suffix == ".jp2" else "GTiff"
    if driver == "JP2OpenJPEG":
        profile |= {"QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO"}
    with rasterio.open(
        path, "w", driver=driver, height=rows, width=cols, count=count, dtype=cube.dtype, crs=crs,
        transform=transform or Affine(pixel, 0, west, 0, -pixel, north), **profile,
    ) as target:  # fmt: skip
        target.write(np.moveaxis(cube, -1, 0))
        if names:
            target.descriptions = tuple(names)
    return path


def planet_xml(date, platform, serial, bands):
    prefix, space = ("re", "RapidEye") if platform == "RapidEye" else ("ps", "PlanetScope")
    return f"""<?xml version="1.0" encoding="utf-8"?>
<{prefix}:EarthObservation xmlns:{prefix}="http://schemas.planet.example/{space}/v1" version="1.2.1"
  xmlns:eop="http://earth.esa.int/eop" xmlns:gml="http://www.opengis.net/gml" xmlns:opt="http://earth.esa.int/opt">
 <gml:metaDataProperty><{prefix}:EarthObservationMetaData>
  <eop:identifier>item</eop:identifier><eop:productType>L3A</eop:productType>
  <eop:downlinkedTo><eop:DownlinkInformation><eop:acquisitionDate>{date}T05:10:11.5Z</eop:acquisitionDate>
  </eop:DownlinkInformation></eop:downlinkedTo>
  <eop:archivedIn><eop:ArchivingInformation><eop:archivingDate>2020-02-02T00:00:00Z</eop:archivingDate>
  </eop:ArchivingInformation></eop:archivedIn>
 </{prefix}:EarthObservationMetaData></gml:metaDataProperty>
 <gml:using><eop:EarthObservationEquipment><eop:platform><eop:Platform>
  <eop:shortName>{platform}</eop:shortName><eop:serialIdentifier>{serial}</eop:serialIdentifier>
 </eop:Platform></eop:platform></eop:EarthObservationEquipment></gml:using>
 <gml:resultOf><{prefix}:EarthObservationResult><eop:product><{prefix}:ProductInformation>
  <{prefix}:numBands>{bands}</{prefix}:numBands></{prefix}:ProductInformation></eop:product>
 </{prefix}:EarthObservationResult></gml:resultOf>
</{prefix}:EarthObservation>
"""


def rapideye(folder, date, *, tile="4548017", west=WEST, cube=None, udm=None, xml=True, **options):
    """`<tile>_<date>_RE3_3A_Analytic_SR.tif` with its udm and its XML metadata."""
    stem = f"{tile}_{date}_RE3_3A"
    cube = values(RAPIDEYE) if cube is None else cube
    scene = raster(folder / f"{stem}_Analytic_SR.tif", cube, west=west, **options)
    mask = np.zeros((*cube.shape[:2], 1), np.uint8) if udm is None else udm
    raster(folder / f"{stem}_udm.tif", mask, west=west)
    if xml:
        (folder / f"{stem}_Analytic_metadata.xml").write_text(planet_xml(date, "RapidEye", "RE-3", cube.shape[2]))
    return scene


def planetscope(folder, date, bands, *, cube=None, udm2=True):
    """`<day>_<time>_<satellite>_3B_AnalyticMS_SR[_8b].tif` with its udm2 and the item's JSON."""
    item = f"{date.replace('-', '')}_051011_55_2414"
    eight = "_8b" if bands == 8 else ""
    levels = (400, 600, 500, 2_600) if bands == 4 else (300, 400, 550, 600, 550, 500, 900, 2_600)
    cube = values(levels) if cube is None else cube
    names = ("blue", "green", "red", "nir") if bands == 4 else (
        "coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"
    )  # fmt: skip
    scene = raster(folder / f"{item}_3B_AnalyticMS_SR{eight}_clip.tif", cube, pixel=3.0, names=names, nodata=0)
    if udm2:
        mask = np.zeros((*cube.shape[:2], 8), np.uint8)
        mask[..., 0] = 1
        mask[:3, :, 0], mask[:3, :, 5] = 0, 1  # clouds over three rows
        mask[5, :, 7] = 2  # the older cloud bit alone takes nothing away
        raster(folder / f"{item}_3B_udm2_clip.tif", mask, pixel=3.0)
    content = {
        "id": item,
        "properties": {"acquired": f"{date}T05:10:11.5Z", "instrument": "PSB.SD", "item_type": "PSScene"},
    }
    (folder / f"{item}_metadata.json").write_text(json.dumps(content))
    return scene


BANDS_10M = {"B02": 400, "B03": 600, "B04": 500, "B08": 2_600}
BANDS_20M = {"B05": 900, "B8A": 2_700}


def mtd(baseline="05.11", offset=-1000, files=(), extra=""):
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{band}">{offset}</BOA_ADD_OFFSET>' for band in range(13))
    listed = "".join(f"<IMAGE_FILE>{name}</IMAGE_FILE>" for name in files)
    return f"""<?xml version="1.0" encoding="UTF-8"?>{extra}
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
 <n1:General_Info>
  <Product_Info><PRODUCT_START_TIME>2022-11-04T04:59:31.024Z</PRODUCT_START_TIME>
   <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
   <Product_Organisation><Granule_List><Granule>{listed}</Granule></Granule_List></Product_Organisation>
  </Product_Info>
  <Product_Image_Characteristics>
   <QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
   </QUANTIFICATION_VALUES_LIST>
   {f"<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>" if offset is not None else ""}
  </Product_Image_Characteristics>
 </n1:General_Info>
</n1:Level-2A_User_Product>
"""


def safe(folder, *, added=1000, scl=None, listed=None, **metadata):
    """A SAFE folder of six bands in JPEG 2000 at 10 and 20 m, with SCL; stored values carry `added`."""
    product = folder / "S2A_MSIL2A_20221104T045931_N0400_R076_T45RUL_20221104T090000.SAFE"
    images = "GRANULE/L2A_T45RUL_A038506_20221104T045931/IMG_DATA"
    names = []
    for pixel, bands in ((10, BANDS_10M), (20, BANDS_20M)):
        for number, level in bands.items():
            name = f"{images}/R{pixel}m/T45RUL_20221104T045931_{number}_{pixel}m"
            names.append(name)
            cube = values((level,), ROWS * 10 // pixel, COLS * 10 // pixel) + np.uint16(added)
            raster(product / f"{name}.jp2", cube, pixel=float(pixel))
    classes = np.full((ROWS // 2, COLS // 2, 1), 4, np.uint8)
    if scl is None:
        classes[:2] = 9
    raster(product / f"{images}/R20m/T45RUL_20221104T045931_SCL_20m.jp2", classes if scl is None else scl, pixel=20.0)
    (product / "MTD_MSIL2A.xml").write_text(mtd(files=names if listed is None else listed, **metadata))
    return product


def cogs(folder, date="2022-11-04", *, added=0, properties=None, band_offset=-0.1, hrefs=None, scl=True):
    """Cloud-optimised GeoTIFFs as Earth Search names them, with the STAC item beside them."""
    item = f"S2A_45RUL_{date.replace('-', '')}_0_L2A"
    assets = {}
    keys = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B05": "rededge1", "B8A": "nir08"}
    for pixel, bands in ((10, BANDS_10M), (20, BANDS_20M)):
        for number, level in bands.items():
            cube = values((level,), ROWS * 10 // pixel, COLS * 10 // pixel) + np.uint16(added)
            raster(folder / item / f"{number}.tif", cube, pixel=float(pixel), nodata=0)
            told = {"nodata": 0, "scale": 0.0001} | ({} if band_offset is None else {"offset": band_offset})
            href = (hrefs or {}).get(number, f"https://cogs.example/45/R/UL/{item}/{number}.tif")
            assets[keys[number]] = {"href": href, "eo:bands": [{"name": number}], "raster:bands": [told]}
    if scl:
        raster(folder / item / "SCL.tif", np.full((ROWS // 2, COLS // 2, 1), 5, np.uint8), pixel=20.0, nodata=0)
        assets["scl"] = {"href": f"https://cogs.example/45/R/UL/{item}/SCL.tif"}
    content = {
        "type": "Feature", "stac_version": "1.0.0", "id": item, "collection": "sentinel-2-l2a", "assets": assets,
        "properties": {"datetime": f"{date}T05:08:00Z", "platform": "sentinel-2a", **(properties or {})},
    }  # fmt: skip
    (folder / item / f"{item}.json").write_text(json.dumps(content))
    return folder / item


def bands_in_degrees(folder, names=("B2", "B3", "B4"), **options):
    for number, name in enumerate(names):
        raster(
            folder / f"{name}.tif", values((500 + 100 * number,)), crs="EPSG:4326", pixel=9e-5, west=85.0, north=28.0,
            nodata=0, **options,
        )  # fmt: skip
    return folder


def square(east, south, side):
    return box(WEST + east, NORTH - south - side, WEST + east + side, NORTH - south)


BOW_TIE = Polygon(
    [(WEST + 120, NORTH - 100), (WEST + 150, NORTH - 70), (WEST + 150, NORTH - 100), (WEST + 120, NORTH - 70)]
)


def inventory(path, *polygons, crs="EPSG:32645", **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame(columns, geometry=list(polygons) or [square(20, 20, 30)], crs="EPSG:32645")
    frame.to_crs(crs).to_file(path)
    return path
