"""`chronoslide map`: a probability raster for every year and model, of the whole investigation area."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from chronoslide.errors import DataError
from chronoslide.files import replacing
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.card import require_bands
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import load_model
from chronoslide.params import read_settings
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import stage_run


def run(root: Path) -> None:
    """Writes `results/maps/<model>/<year>.tif`, whole or not at all.

    Raises:
        DataError: No scene was made yet.
        ModelError: A model is missing, broken, or made for other bands than the scenes have.
    """
    settings = read_settings(root / "params.yaml")
    scenes = sorted((root / "results/scenes/investigation").glob("*.tif"))
    if not scenes:
        raise DataError(f"{root / 'results/scenes/investigation'}: no scenes; run `chronoslide scenes` first")
    models = sorted(path.parent for path in (root / "results/models").glob("*/model.json"))
    with (
        stage_run(root, "map", settings) as run,
        replacing(root / "results/maps") as folder,
        tqdm(desc="map", total=len(models) * len(scenes), unit=" maps") as bar,
    ):
        for model_folder in models:
            model, card = load_model(model_folder)
            predict = over_symmetries(predictor(model), settings.map.symmetries)
            for path in scenes:
                scene = read_scene(path)
                require_bands(card, scene.bands)
                bar.set_postfix_str(f"{model_folder.name} {path.stem}")
                probability = map_scene(scene, predict, card.statistics, settings.map)
                write_raster(
                    folder / model_folder.name / path.name,
                    probability,
                    scene.grid,
                    bands=["landslide probability"],
                    nodata=float("nan"),
                    tags={"model": model_folder.name, "year": path.stem, "trained_on": card.trained_on},
                )
                run.log_metrics({f"unobserved_share.{model_folder.name}": float((~scene.valid).mean())}, int(path.stem))
                bar.update()
    run.log_files([root / "results/maps"], "maps")
