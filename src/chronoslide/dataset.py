"""`data/dataset.yaml`: what was delivered, as an immutable, checked description.

A data set has the site `investigation`, which is mapped year by year, and, where a model is to be pretrained, the site
`training`. `chronoslide init` writes the description; paths in it are relative to its folder and stay inside.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from chronoslide.errors import DataError
from chronoslide.files import parse_yaml, write_text
from chronoslide.params import one_line

SiteName = Literal["training", "investigation"]
SITES: tuple[SiteName, ...] = ("training", "investigation")
DESCRIPTION = "dataset.yaml"


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(path: Path) -> Path:
    if path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        raise ValueError(f"{path} leaves the folder of {DESCRIPTION}; put the file there, DVC keeps what is inside")
    return path


Inside = Annotated[Path, AfterValidator(_inside)]
"""A path of the description, which may be a stranger's. Links inside are followed: DVC makes them, and only who may
write there can."""


class Source(_Described):
    """Where a fetched tile comes from.

    Attributes:
        catalogue: Address of the STAC API.
        collection: Its collection.
        item: The item's name.
        sha256: Checksums of the files as they were fetched, by name.
    """

    catalogue: str
    collection: str
    item: str
    sha256: dict[str, str]


class Acquisition(_Described):
    """One delivered tile. Paths are relative to the folder of `dataset.yaml`.

    Attributes:
        scene: One file with all bands, in the order of the data set's `bands`;
        bands: or a file a band, by the band's name. Pixels may differ in size: the finest ones are the tile's.
        offset: Added to the stored values before they are divided by `scale` (Sentinel-2 from processing baseline
            04.00: -1000). Not applied to NoData. Nothing else adds it: it is applied once.
        usable_data_mask: Planet's UDM (one band, 0 where usable) or UDM2 (eight bands), on the scene's grid.
        scene_classification: Sentinel-2's SCL, at 10 or 20 m.
        metadata: The provider's, kept for the record; where it states an offset it must be that of `offset`.
        source: Where `chronoslide fetch` took it from.
    """

    scene: Inside | None = None
    bands: dict[str, Inside] | None = None
    offset: float | None = None
    usable_data_mask: Inside | None = None
    scene_classification: Inside | None = None
    metadata: Inside | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Acquisition:
        if (self.scene is None) == (not self.bands):
            raise ValueError("name either `scene` (one file with all bands) or `bands` (a file for each band)")
        return self

    def files(self) -> tuple[Path, ...]:
        """All files that are named."""
        named = (self.scene, *(self.bands or {}).values(), self.usable_data_mask, self.scene_classification)
        return tuple(path for path in (*named, self.metadata) if path is not None)

    @property
    def name(self) -> str:
        """The file of the scene, or the folder of its bands, for messages and summaries."""
        if self.scene is not None:
            return self.scene.as_posix()
        return next(iter(self.bands.values())).parent.as_posix() if self.bands else ""


class InventoryFile(_Described):
    """A manual inventory that is not a file of its own.

    Attributes:
        file: A vector file in any coordinate reference system.
        layer: Its layer, where it has several.
        year_column: The column with the year (or date) of each polygon, where the file has several years.
    """

    file: Inside
    layer: str | None = None
    year_column: str | None = None


class Year(_Described):
    """What was delivered for one year: the date of the scene, its tiles, the manual inventory (if one was made)."""

    date: datetime.date
    acquisitions: Annotated[tuple[Acquisition, ...], Field(min_length=1)]
    inventory: Inside | InventoryFile | None = None


class Site(_Described):
    """An area of interest with its years."""

    area_of_interest: Inside
    elevation: Inside | None = None
    years: Annotated[dict[int, Year], Field(min_length=1)]


class Dataset(_Described):
    """The whole delivery.

    Attributes:
        name: Short name of the data set.
        provenance: "simulated" or "observed"; it stands on everything that is made from the data.
        description: One or two sentences for the reader of a report.
        sensor: Name of the sensor.
        bands: The bands in the order of the files, where a file has them all.
        scale: Stored value of a reflectance of 1.
        nodata: Stored value that marks pixels without observation.
        crs: The coordinate reference system that the scenes are brought to, as `EPSG:...`; metric.
        resolution_metres: Pixel size [m].
        sites: `investigation`, and `training` unless the model comes pretrained.
    """

    name: str
    provenance: Literal["simulated", "observed"]
    description: str = ""
    sensor: str
    bands: Annotated[tuple[str, ...], Field(min_length=1)]
    scale: Annotated[float, Field(gt=0)]
    nodata: float | None = None
    crs: str
    resolution_metres: Annotated[float, Field(gt=0)]
    sites: dict[SiteName, Site]

    @model_validator(mode="after")
    def _check(self) -> Dataset:
        doubled = {band for band in self.bands if self.bands.count(band) > 1}
        if doubled:
            raise ValueError(f"bands: {sorted(doubled)} stand more than once; name each band once")
        if "investigation" not in self.sites:
            raise ValueError("sites: 'investigation' missing; describe the area that is to be mapped")
        for site, described in self.sites.items():
            for year, delivered in described.years.items():
                for acquisition in delivered.acquisitions:
                    lacking = [band for band in self.bands if acquisition.bands and band not in acquisition.bands]
                    if lacking:
                        raise ValueError(
                            f"sites.{site}.years.{year}: {acquisition.name} has no file for band {lacking[0]!r}; add "
                            "it, or take the band out of `bands`"
                        )
        return self

    @property
    def described_sites(self) -> tuple[SiteName, ...]:
        """The sites that are described, the training area first."""
        return tuple(name for name in SITES if name in self.sites)

    def year(self, site: SiteName, year: int) -> Year:
        """What was delivered for a year.

        Raises:
            DataError: The year is not described.
        """
        years = self.sites[site].years
        if year not in years:
            raise DataError(
                f"{DESCRIPTION}: sites.{site}.years has no {year} (it has {sorted(years)}); "
                "deliver that year or name another one in params.yaml"
            )
        return years[year]


def read_dataset(folder: Path) -> Dataset:
    """Reads `dataset.yaml` in `folder`.

    Raises:
        DataError: The file is missing, is not YAML, or a field is missing, unknown or out of range.
    """
    path = folder / DESCRIPTION
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        return Dataset.model_validate(content)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `make data`, or `chronoslide init` on your own scenes") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); make it a file that you may read") from error
    except ValidationError as error:
        raise DataError(f"{path}: {one_line(error, Dataset)}") from error
    except ValueError as error:
        raise DataError(f"{path}: not YAML ({error}); mend the file") from error


def dataset_text(dataset: Dataset) -> str:
    """The description as YAML."""
    content = dataset.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def write_dataset(folder: Path, dataset: Dataset) -> None:
    """Writes `dataset.yaml` into `folder`."""
    write_text(folder / DESCRIPTION, dataset_text(dataset))
