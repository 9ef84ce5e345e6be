"""One scene to its landslides: what the served model and `chronoslide map SCENE.tif` both do with a scene.

The way is that of the stages `map` and `inventory`, by the same functions, so that the same scene gives the same
probabilities and the same outlines wherever it is mapped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from rasterio.crs import CRS

from chronoslide.grid import Grid, name_of
from chronoslide.inventories.outlines.deriving import derive_inventory
from chronoslide.inventories.pixels import Surface
from chronoslide.mapping.asking import Predict
from chronoslide.mapping.engines import settled_engine
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.storage import load_model
from chronoslide.params import InventorySettings, Share
from chronoslide.rasters import raster_bytes
from chronoslide.scenes.scene import Scene
from chronoslide.serving.storage import Packaged


class Options(BaseModel):
    """What may be asked for beside a scene; None leaves what the model was made with.

    Attributes:
        threshold: Probability from which a pixel is landslide.
        minimum_area_m2: The minimum mapping unit.
        simplify_metres: How far simplified outlines may lie from the mapped ones; 0 leaves them as mapped.
        crs: The answer's reference system: the "scene"'s, or "wgs84" as RFC 7946 wants it.
        probability: Whether the probability raster is wanted, too.
        as_text: Whether the landslides come as text instead of an object: columns of tables hold text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    threshold: Share | None = None
    minimum_area_m2: Annotated[float, Field(ge=0.0)] | None = None
    simplify_metres: Annotated[float, Field(ge=0.0)] = 0.0
    crs: Literal["scene", "wgs84"] = "scene"
    probability: bool = False
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of one scene.

    Attributes:
        probability: (rows, cols), NaN where unobserved.
        grid: Where the pixels lie.
        landslides: As `derive_inventory` gives them, in the scene's reference system, with `id` (stable) and
            `model_version`.
        threshold: Probability from which a pixel was landslide.
        minimum_area_m2: The minimum mapping unit.
        version: Of the model.
        trained_on: What the model was trained on.
    """

    probability: NDArray[np.float32]
    grid: Grid
    landslides: gpd.GeoDataFrame
    threshold: float
    minimum_area_m2: float
    version: str
    trained_on: str

    def probability_bytes(self) -> bytes:
        """The probability raster as a cloud-optimised GeoTIFF."""
        return raster_bytes(
            self.probability,
            self.grid,
            bands=["landslide probability"],
            nodata=float("nan"),
            tags={"model_version": self.version, "trained_on": self.trained_on},
        )


class SceneMapper:
    """A packaged network, ready to map scenes.

    Args:
        packaged: The network's folder and the settings.

    Raises:
        ModelError: The network is broken.
    """

    def __init__(self, packaged: Packaged) -> None:
        model, card = load_model(packaged.folder)
        self.packaged = packaged
        self.bands = card.bands
        self._predict: Predict = over_symmetries(settled_engine(model, packaged.map), packaged.map.symmetries)

    def map(self, scene: Scene, options: Options, elevation: Surface | None = None) -> Mapped:
        """Maps one scene.

        Args:
            scene: With the model's bands, in metres.
            options: What was asked for.
            elevation: Elevation [m], if there is a model of it; it helps to join fragments along the descent.

        Raises:
            ChronoslideError: The scene cannot be mapped with these settings.
        """
        card, settings = self.packaged.card, self._inventory(options)
        probability = map_scene(scene, self._predict, card.statistics, self.packaged.map)
        threshold = card.threshold_in_use(settings.threshold)
        landslides = derive_inventory(probability, scene.grid, threshold, settings, elevation).landslides
        version = self.packaged.version
        return Mapped(
            probability,
            scene.grid,
            landslides.assign(id=stable_ids(landslides, version), model_version=version),
            threshold,
            settings.minimum_area_m2,
            version,
            card.trained_on,
        )

    def warm_up(self, side: int) -> None:
        """Sends an empty patch of `side` x `side` pixels through the network: the first one takes the longest."""
        self._predict(np.zeros((1, side, side, len(self.bands)), dtype=np.float32))

    def _inventory(self, options: Options) -> InventorySettings:
        asked = {"threshold": options.threshold, "minimum_area_m2": options.minimum_area_m2}
        return self.packaged.inventory.model_copy(
            update={name: value for name, value in asked.items() if value is not None}
        )


def stable_ids(landslides: gpd.GeoDataFrame, version: str) -> list[str]:
    """A name for each landslide that is the same whenever this model maps this outline.

    It is made of the outline in the scene's reference system and the model's version, so neither the answer's reference
    system nor simplification changes it.
    """
    salt = f"{version} {name_of(CRS.from_user_input(landslides.crs))} ".encode()
    outlines = shapely.to_wkb(shapely.normalize(landslides.geometry.to_numpy()), byte_order=1)
    return [hashlib.sha256(salt + outline).hexdigest()[:16] for outline in outlines]
