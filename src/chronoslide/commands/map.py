"""`chronoslide map SCENE.tif`: one scene on disk to landslides, as the served model maps it."""

from __future__ import annotations

from pathlib import Path

from chronoslide.errors import ModelError
from chronoslide.files import replacing
from chronoslide.models.safety import require_no_code
from chronoslide.params import InventorySettings, MapSettings, read_settings
from chronoslide.rasters import read_raster
from chronoslide.scenes.scene import scene_of_raster
from chronoslide.serving.request import elevation_of, read_options
from chronoslide.serving.scene_mapper import SceneMapper
from chronoslide.serving.storage import PACKAGE, Packaged, read_package, unpackaged
from chronoslide.tracking import fetch_model
from chronoslide.vectors import write_geopackage

LAYER = "landslides"


def run(
    root: Path,
    scene_path: Path,
    model: str,
    output: Path,
    *,
    elevation: Path | None = None,
    threshold: float | None = None,
    minimum_area_m2: float | None = None,
    probability: Path | None = None,
    trust: bool = False,
) -> None:
    """Writes the landslides of a scene as a GeoPackage, and its probability raster if that is wanted.

    Args:
        root: Where `params.yaml` and `mlflow.db` are, if they are.
        scene_path: A raster of the model's bands: reflectance as float32, or 10,000 x reflectance as uint16.
        model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or the folder of a stored network or mapper.
        output: A GeoPackage.
        elevation: A raster of elevations [m] in the scene's reference system.
        threshold: Probability from which a pixel is landslide; the model's own by default.
        minimum_area_m2: The minimum mapping unit; the settings' by default.
        probability: A GeoTIFF.
        trust: The user vouches for a folder that holds programs, too; only its numbers are read all the same.

    Raises:
        ChronoslideError: The scene or the model cannot be used.
    """
    options = read_options({"threshold": threshold, "minimum_area_m2": minimum_area_m2})
    mapper = SceneMapper(_packaged(root, model, trust=trust))
    scene = scene_of_raster(read_raster(scene_path), mapper.bands, scene_path)
    surface = None if elevation is None else elevation_of(read_raster(elevation), scene.grid, elevation)
    mapped = mapper.map(scene, options, surface)
    write_geopackage(output, {LAYER: mapped.landslides})
    print(
        f"{len(mapped.landslides)} landslides, {mapped.landslides['area_m2'].sum():.0f} m2, from probability "
        f"{mapped.threshold:g} and {mapped.minimum_area_m2:g} m2 (model {mapped.version}): {output}"
    )
    if probability is not None:
        with replacing(probability) as temporary:
            temporary.write_bytes(mapped.probability_bytes())
        print(f"The probabilities: {probability}")


def _packaged(root: Path, model: str, *, trust: bool) -> Packaged:
    folder = fetch_model(root, model) if model.startswith("models:/") else Path(model)
    if not folder.is_dir():
        raise ModelError(f"{model}: no such folder; name one, or a registered model as models:/NAME@ALIAS")
    require_no_code(folder, trust)
    if (folder / PACKAGE).exists():
        return read_package(folder)
    if (root / "params.yaml").exists():
        settings = read_settings(root / "params.yaml")
        return unpackaged(folder, settings.map, settings.inventory)
    return unpackaged(folder, MapSettings(), InventorySettings())
