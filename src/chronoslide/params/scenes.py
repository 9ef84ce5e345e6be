"""The sections `simulate`, `scenes` and `masks`: from deliveries to scenes and their labels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Section, Share

Channel = Literal["ndvi", "ndre", "elevation", "slope", "aspect"]
_BANDS_OF_ASPECT = ("aspect_sin", "aspect_cos")


class SimulateSettings(Section):
    """The simulated site that stands in for licensed scenes."""

    rows: Annotated[int, Field(ge=128)] = 1000
    cols: Annotated[int, Field(ge=128)] = 1320
    training_rows: Annotated[int, Field(ge=128)] = 800
    training_cols: Annotated[int, Field(ge=128)] = 800
    training_landslides: Count = 55
    years: Annotated[tuple[int, ...], Field(min_length=1)] = (2013, 2014, 2015, 2016, 2017, 2018, 2019)


class FlagsSettings(Section):
    """Observed ground that is made unobserved, because it shows nothing worth mapping.

    Attributes:
        shadow: "terrain" computes from the site's elevation model, and the sun's position in the scene's metadata,
            where no direct light arrives; "dark" takes what is dark in the near infrared, water included.
        snow: "ndsi" needs a short-wave infrared band (Hall et al. 1995); "bright" takes what is bright in blue, green
            and red, which clouds and quarries are, too: without short-wave infrared they cannot be told from snow.
        dark_nir: Near-infrared reflectance below which a pixel is dark.
        bright_visible: Reflectance above which a pixel is bright in each visible band.
        snow_index: Normalised difference snow index above which a pixel is snow.
    """

    shadow: Literal["none", "terrain", "dark"] = "none"
    snow: Literal["none", "ndsi", "bright"] = "none"
    dark_nir: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    bright_visible: Annotated[float, Field(ge=0.0, le=1.0)] = 0.4
    snow_index: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.4


class ScenesSettings(Section):
    """From delivered tiles to one analysis-ready mosaic a year.

    Attributes:
        bands: The bands that are taken over from the deliveries, by name, in the order wanted.
        normalisation: How a year's radiometry is brought to the reference year's: "none"; "histogram" matches each
            band's histogram; "irmad" fits a line to each band over the pixels that did not change.
        irmad_window_metres: Width of the window of local contrast by which "irmad" finds unchanged pixels and gains,
            so that patchy haze, which is smooth, does not disturb it; 0 takes reflectance itself, as published.
        shifts: What is done about years that lie aside of the reference year: "ignore"; "report" measures and writes
            it down; "correct" also puts them right.
        maximum_shift_metres: A longer shift is no misregistration: "report" warns of it, "correct" refuses it.
        flags: Shadow and snow.
        sharpening: Weight of an unsharp mask; 0 leaves the scene as it is.
        channels: Further bands, made from the bands themselves (ndvi, ndre) or the site's elevation model (elevation,
            slope, aspect); models are trained on them like on any band.
        minimum_coverage: Share of the area of interest that a year's mosaic must cover.
    """

    bands: Annotated[tuple[str, ...], Field(min_length=1)]
    normalisation: Literal["none", "histogram", "irmad"]
    irmad_window_metres: Annotated[float, Field(ge=0.0)] = 200.0
    shifts: Literal["ignore", "report", "correct"] = "report"
    maximum_shift_metres: Positive = 15.0
    flags: FlagsSettings = FlagsSettings()
    sharpening: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0
    channels: tuple[Channel, ...] = ()
    minimum_coverage: Share = 0.9

    @property
    def stored_bands(self) -> tuple[str, ...]:
        """The names of all bands of a stored scene: those delivered, then those of the channels."""
        extra = ((channel,) if channel != "aspect" else _BANDS_OF_ASPECT for channel in self.channels)
        return self.bands + tuple(name for names in extra for name in names)

    @model_validator(mode="after")
    def _no_band_twice(self) -> ScenesSettings:
        if len(set(self.bands)) < len(self.bands):
            raise ValueError(f"bands: a band stands twice in {list(self.bands)}; name each band once")
        if len(set(self.stored_bands)) < len(self.stored_bands):
            raise ValueError(f"channels: a band stands twice in {list(self.stored_bands)}; name each channel once")
        return self


class MasksSettings(Section):
    """From polygons to labels on the scenes' grid."""

    all_touched: bool = False
