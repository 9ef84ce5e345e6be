"""`data/dataset.yaml`: what was delivered, as an immutable, checked description.

A data set has two sites: `training`, where the model is pretrained, and `investigation`, which is mapped year by year.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chronoslide.errors import DataError
from chronoslide.files import write_text
from chronoslide.params import one_line

SiteName = Literal["training", "investigation"]
SITES: tuple[SiteName, ...] = ("training", "investigation")
DESCRIPTION = "dataset.yaml"


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Acquisition(_Described):
    """One delivered tile. Paths are relative to the folder of `dataset.yaml`."""

    scene: Path
    usable_data_mask: Path | None = None
    metadata: Path | None = None


class Year(_Described):
    """What was delivered for one year: the date of the scene, its tiles, the manual inventory (if one was made)."""

    date: datetime.date
    acquisitions: Annotated[tuple[Acquisition, ...], Field(min_length=1)]
    inventory: Path | None = None


class Site(_Described):
    """An area of interest with its years."""

    area_of_interest: Path
    elevation: Path | None = None
    years: Annotated[dict[int, Year], Field(min_length=1)]


class Dataset(_Described):
    """The whole delivery.

    Attributes:
        name: Short name of the data set.
        provenance: "simulated" or "observed"; it stands on everything that is made from the data.
        description: One or two sentences for the reader of a report.
        sensor: Name of the sensor.
        bands: The bands in the order of the files.
        scale: Stored value of a reflectance of 1.
        nodata: Stored value that marks pixels without observation.
        crs: The coordinate reference system that the scenes are brought to, as `EPSG:...`; metric.
        resolution_metres: Pixel size [m].
        sites: `training` and `investigation`.
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
        missing = [name for name in SITES if name not in self.sites]
        if missing:
            raise ValueError(f"sites: {missing} missing; describe both `training` and `investigation`")
        return self

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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Dataset.model_validate(content)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `make data`, or describe your own scenes there") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not YAML ({' '.join(str(error).split())}); mend the file") from error
    except ValidationError as error:
        raise DataError(f"{path}: {one_line(error, Dataset)}") from error


def write_dataset(folder: Path, dataset: Dataset) -> None:
    """Writes `dataset.yaml` into `folder`."""
    content = dataset.model_dump(mode="json", exclude_none=True)
    write_text(folder / DESCRIPTION, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
