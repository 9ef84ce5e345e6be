"""`chronoslide map`: a probability raster for every year and model, of the whole investigation area."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chronoslide.errors import DataError
from chronoslide.files import json_text, resumable, write_text
from chronoslide.mapping.engines import DECISION, Engine, choose_engine
from chronoslide.mapping.map_writer import unobserved_share, write_map
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.mapping.windows import cover
from chronoslide.models.card import require_bands
from chronoslide.models.storage import load_model
from chronoslide.params import MapSettings, read_settings
from chronoslide.patches.storage import PatchSet, read_patches
from chronoslide.rasters import read_grid
from chronoslide.scenes.scene import open_scene
from chronoslide.tracking import StageRun, stage_run

_log = logging.getLogger(__name__)


def run(root: Path) -> None:
    """Writes `results/maps/<model>/<year>.tif` and `results/maps/<model>/engine.json`, whole or not at all.

    What is finished stays in a hidden folder beside `results/maps` when the stage is interrupted; the next run with the
    same models, scenes, settings and code goes on with it.

    Raises:
        DataError: No scene or no patches were made yet.
        ModelError: A model is missing, broken, or made for other bands than the scenes have.
    """
    settings = read_settings(root / "params.yaml")
    scenes = sorted((root / "results/scenes/investigation").glob("*.tif"))
    if not scenes:
        raise DataError(f"{root / 'results/scenes/investigation'}: no scenes; run `chronoslide scenes` first")
    patches = root / "results/patches/investigation"
    training, validation = read_patches(patches / "train"), read_patches(patches / "validation")
    models = sorted(path.parent for path in (root / "results/models").glob("[!.]*/model.json"))
    windows = sum(_windows(path, settings.map) for path in scenes)
    with (
        stage_run(root, "map", settings) as run,
        resumable(root / "results/maps", _key(run)) as folder,
        tqdm(desc="map", total=len(models) * windows, unit=" windows") as bar,
    ):
        for model_folder in models:
            _map_years(model_folder, scenes, folder / model_folder.name, settings.map, (training, validation), bar, run)
    run.log_files([root / "results/maps"], "maps")


def _map_years(
    model_folder: Path,
    scenes: Sequence[Path],
    folder: Path,
    section: MapSettings,
    patches: tuple[PatchSet, PatchSet],
    bar: tqdm[Any],
    run: StageRun,
) -> None:
    """Maps all years with one model into `folder`; what is there already is left as it is."""
    name = model_folder.name
    bar.set_postfix_str(f"{name}: choosing an engine")
    model, card = load_model(model_folder)
    for part in patches:
        require_bands(card, part.bands)  # engines are compared on them
    engine = choose_engine(model, card, section, *patches)
    _keep_decision(folder, engine, run)
    predict = over_symmetries(engine.predict, section.symmetries)
    for path in scenes:
        target = folder / path.name
        bar.set_postfix_str(f"{name} {path.stem}, {engine.name} {engine.precision}")
        if target.exists():
            bar.update(_windows(path, section))
        else:
            with open_scene(path) as scene:
                require_bands(card, scene.bands)
                write_map(
                    target,
                    scene,
                    predict,
                    card.statistics,
                    section,
                    key=f"{name} {path.stem}",  # the folder belongs to one set of inputs, the model's to one engine
                    tags={"model": name, "year": path.stem, "trained_on": card.trained_on},
                    progress=_advance(bar),
                )
        run.log_metrics({f"unobserved_share.{name}": unobserved_share(target)}, int(path.stem))


def _keep_decision(folder: Path, engine: Engine, run: StageRun) -> None:
    """Writes and logs which engine is used and why; maps that an earlier process made with another one are removed."""
    text = json_text(engine.to_json())
    path = folder / DECISION
    if path.exists() and path.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder)
    write_text(path, text)
    for candidate in engine.tried:
        precision = candidate.precision + (f" ({candidate.quantised} layers)" if candidate.quantised else "")
        if candidate.refusal:
            _log.warning("map: %s: %s %s is refused: %s", folder.name, candidate.engine, precision, candidate.refusal)
        if candidate.agreement:
            figures, label = candidate.agreement, f"{candidate.precision}_{candidate.quantised or 'all'}"
            run.log_metrics(
                {
                    f"{folder.name}.{label}.flipped_share": figures.flipped_share,
                    f"{folder.name}.{label}.f1_change": figures.f1 - figures.f1_trained,
                }
            )
    run.tag(**{f"engine.{folder.name}": f"{engine.name} {engine.precision}"})


def _key(run: StageRun) -> str:
    """What the maps depend on: models, scenes, settings and code, which name the run, and the engines' versions."""
    versions = [_version(package) for package in ("keras", "tensorflow", "openvino", "nncf", "numpy", "rasterio")]
    return hashlib.sha256(" ".join([run.inputs.key, *versions]).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _windows(path: Path, section: MapSettings) -> int:
    return len(cover(read_grid(path).shape, section.window_pixels, section.overlap_pixels))


def _advance(bar: tqdm[Any]) -> Callable[[int, int], None]:
    """Moves a bar, which counts the windows of all maps, by those of one map."""
    before = 0

    def advance(done: int, _: int) -> None:
        nonlocal before
        bar.update(done - before)
        before = done

    return advance
