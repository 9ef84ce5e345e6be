"""`chronoslide map`: a probability raster for every year and model, of the whole investigation area."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from chronoslide.errors import DataError
from chronoslide.files import json_text, resumable, write_text
from chronoslide.grid import require_same
from chronoslide.mapping.bare_ground import BAND, greenness_rows, lowered, lowered_share
from chronoslide.mapping.carried_network import carry
from chronoslide.mapping.engine_process import choose_engines_apart
from chronoslide.mapping.engines import DECISION, Engine
from chronoslide.mapping.map_writer import unobserved_share, write_rows, write_strips
from chronoslide.mapping.strips import Strip, probability_strips
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.mapping.windows import cover
from chronoslide.models.card import read_card, require_bands
from chronoslide.params import BareGroundSettings, MapSettings, read_settings
from chronoslide.rasters import OpenRaster, open_raster, read_grid
from chronoslide.scenes.scene import open_scene
from chronoslide.tracking import StageRun, stage_run

if TYPE_CHECKING:
    from chronoslide.mapping.cluster import Cluster

GREENNESS = "greenness.tif"

_log = logging.getLogger(__name__)


def run(root: Path, scheduler: str | None = None) -> None:
    """Writes `results/maps/<model>/<year>.tif` and `results/maps/<model>/engine.json`, whole or not at all.

    With `map.bare_ground` also `results/maps/greenness.tif`, by which the probabilities of all years are lowered.

    What is finished stays in a hidden folder beside `results/maps` when the stage is interrupted; the next run with the
    same models, scenes, settings and code goes on with it.

    Args:
        root: Of the repository.
        scheduler: Address of a Dask scheduler, whose workers then map; they must see the same folder. The engine is
            chosen here, and the maps are written here.

    Raises:
        ClusterError: The scheduler or its workers cannot be used.
        DataError: No scene or no patches were made yet.
        ModelError: A model is missing, broken, or made for other bands than the scenes have.
    """
    settings = read_settings(root / "params.yaml")
    scenes = sorted((root / "results/scenes/investigation").glob("*.tif"))
    if not scenes:
        raise DataError(f"{root / 'results/scenes/investigation'}: no scenes; run `chronoslide scenes` first")
    patches = root / "results/patches/investigation"
    models = sorted(path.parent for path in (root / "results/models").glob("[!.]*/model.json"))
    windows = sum(_windows(path, settings.map) for path in scenes)
    with (
        stage_run(root, "map", settings) as run,
        resumable(root / "results/maps", _key(run)) as folder,
        tqdm(desc="map", total=len(models) * windows, unit=" windows") as bar,
        _cluster(scheduler) as cluster,
    ):
        greenness = _greenness(scenes, folder, settings.map.bare_ground, run)
        bar.set_postfix_str("choosing engines")
        engines = choose_engines_apart(models, settings.map, patches, scenes)
        for model_folder, engine in zip(models, engines, strict=True):
            target = folder / model_folder.name
            _map_years(model_folder, engine, scenes, target, settings.map, greenness, bar, run, cluster)
    run.log_files([root / "results/maps"], "maps")


def _map_years(
    model_folder: Path,
    engine: Engine,
    scenes: Sequence[Path],
    folder: Path,
    section: MapSettings,
    greenness: Path | None,
    bar: tqdm[Any],
    run: StageRun,
    cluster: Cluster | None,
) -> None:
    """Maps all years with one model into `folder`; what is there already is left as it is."""
    name = model_folder.name
    card = read_card(model_folder)
    _keep_decision(folder, engine, run)
    sent: Engine | None = None  # what the cluster has; adapted to scenes, each has a network of its own
    for path in scenes:
        target = folder / path.name
        bar.set_postfix_str(f"{name} {path.stem}, {engine.name} {engine.precision}")
        # The folder belongs to one set of inputs, the model's to one engine.
        key, tags = f"{name} {path.stem}", {"model": name, "year": path.stem, "trained_on": card.trained_on}
        if target.exists():
            bar.update(_windows(path, section))
        else:
            used = engine.for_scene(path)
            with (
                open_raster(greenness) if greenness else nullcontext() as green,
                open_scene(path, section.window_pixels) as scene,  # the last one opened sets the memory for blocks
            ):
                require_bands(card, scene.bands)
                if cluster is None:
                    strips = partial(probability_strips, scene, over_symmetries(used.predict, section.symmetries))
                else:
                    if used is not sent:
                        cluster.take(carry(used, model_folder, section.symmetries))
                        sent = used
                    strips = partial(cluster.strips, path, scene.grid)
                strips = partial(strips, card.statistics, section, progress=_advance(bar))
                write_strips(target, scene.grid, _lowering(strips, green, section.bare_ground), key=key, tags=tags)
        run.log_metrics({f"unobserved_share.{name}": unobserved_share(target)}, int(path.stem))


def _greenness(scenes: Sequence[Path], folder: Path, section: BareGroundSettings | None, run: StageRun) -> Path | None:
    """Writes how green the ground was in its second greenest year, if the settings want to know."""
    if section is None:
        return None
    path = folder / GREENNESS
    with ExitStack() as opened:
        years = [opened.enter_context(open_scene(scene)) for scene in scenes]
        for scene, year in zip(scenes, years, strict=True):
            require_same(years[0].grid, year.grid, f"the scenes of {scenes[0].stem} and {scene.stem}")
        if not path.exists():
            rows = partial(greenness_rows, years, section.minimum_years)
            write_rows(path, years[0].grid, rows, band=BAND, key=GREENNESS, tags={})
    with open_raster(path) as green:
        run.log_metrics({"bare_ground_share": lowered_share(green, section)})
    return path


def _lowering(
    strips: Callable[[int], Iterator[Strip]], green: OpenRaster | None, section: BareGroundSettings | None
) -> Callable[[int], Iterator[Strip]]:
    if green is None or section is None:
        return strips
    return lambda first_row: lowered(strips(first_row), green, section)


def _cluster(scheduler: str | None) -> AbstractContextManager[Cluster | None]:
    if scheduler is None:
        return nullcontext()
    from chronoslide.mapping.cluster import open_cluster

    return open_cluster(scheduler)


def _keep_decision(folder: Path, engine: Engine, run: StageRun) -> None:
    """Writes and logs which engine is used and why; maps that an earlier process made with another one are removed."""
    text = json_text(engine.to_json())
    path = folder / DECISION
    if path.exists() and path.read_text(encoding="utf-8") != text:
        shutil.rmtree(folder)
    write_text(path, text)
    for candidate in engine.tried:
        how = candidate.quantised
        precision = candidate.precision + (f" ({how.layers} layers, {how.ranges} ranges)" if how else "")
        if candidate.refusal:
            _log.warning("map: %s: %s %s is refused: %s", folder.name, candidate.engine, precision, candidate.refusal)
        if candidate.agreement:
            figures, label = candidate.agreement, "_".join([candidate.precision, *(how or ["all"])])
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
