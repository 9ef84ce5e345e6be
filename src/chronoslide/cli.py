"""The command `chronoslide`: a verb a stage, words to calls and nothing else.

Heavy imports are made where a verb is carried out, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chronoslide import __version__
from chronoslide.errors import ChronoslideError, SettingsError

USER_ERROR = 2

# Verb -> (what its result is, in the words of the README).
STAGES = {
    "simulate": "the default data: seven years of simulated deliveries, manual inventories and the answer key",
    "scenes": "one analysis-ready mosaic a year: bands in order, one grid, validity mask, normalised radiometry",
    "masks": "the manual inventories as rasters on the scenes' grid",
    "patches": "training, validation and test samples, split by place",
    "tune": "the settings that `pretrain` leaves open, found by a search (results/search)",
    "pretrain": "a U-Net trained on the training area, registered as chronoslide-pretrained",
    "transfer": "that U-Net retrained on the investigation area, registered as chronoslide-transferred",
    "map": "a landslide probability raster for every year and model",
    "inventory": "landslide polygons of every year, one GeoPackage",
    "package": "the transferred model as a service: results/mapper, registered as chronoslide-mapper",
    "track": "one inventory through time: identities, states, what is new each year, the balance of the stock",
    "evaluate": "pixel and inventory figures of every year against the manual inventories",
    "report": "tables, figures and a page in reports/",
}


def main(words: Sequence[str] | None = None) -> int:
    """Carries out one command line and returns its exit code: 0 done, 2 a user's mistake, 130 interrupted."""
    arguments = _parser().parse_args(words)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow switches oneDNN on by itself only where the processor has AVX-512; without it a training step takes
    # nearly twice as long elsewhere, and the same seed gives other weights there.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for chatty in (
        "mlflow",
        "alembic",
        "rasterio",
        "pyogrio",
        "matplotlib",
        "optuna",
        "absl",
        "tensorflow",
        "h5py",
        "urllib3",
    ):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    try:
        _carry_out(arguments)
    except ChronoslideError as error:
        print(f"chronoslide {arguments.verb}: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print(f"chronoslide {arguments.verb}: interrupted; earlier results are untouched", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as in `chronoslide ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _carry_out(arguments: argparse.Namespace) -> None:
    if arguments.verb in STAGES and not (getattr(arguments, "inventories", None) or getattr(arguments, "scene", None)):
        stage = importlib.import_module(f"chronoslide.stages.{arguments.verb}")
        if arguments.verb == "tune":
            _tune(stage, arguments)
            return
        if arguments.verb == "map":
            stage.run(Path(arguments.root).resolve(), arguments.scheduler)
            return
        if getattr(arguments, "with_workers", None) or getattr(arguments, "worker", None) is not None:
            _train_together(stage, arguments)
            return
        stage.run(Path(arguments.root).resolve())
        if getattr(arguments, "against", None):
            print(f"The comparison: {stage.compare(Path(arguments.root).resolve(), arguments.against)}")
        return
    module = importlib.import_module(f"chronoslide.commands.{arguments.verb.replace('-', '_')}")
    match arguments.verb:
        case "review" if arguments.step == "prepare":
            module.prepare(arguments.inventory, arguments.layer, arguments.output)
        case "review":
            module.apply(arguments.package, arguments.inventory, arguments.layer, arguments.output)
        case "inspect":
            module.run(arguments)
        case "fetch":
            module.run(arguments)
        case "init":
            module.run(Path(arguments.root).resolve(), arguments)
        case "configure":
            module.run(Path(arguments.root).resolve(), arguments.profile)
        case "chips":
            module.run(Path(arguments.root).resolve(), arguments.train, arguments.test, arguments.output)
        case "rasterise":
            module.run(arguments.inventories, arguments.resolution, arguments.output)
        case "map":
            if arguments.scheduler:
                raise SettingsError("--scheduler is for the maps of all years; leave it out to map a single scene")
            module.run(
                Path(arguments.root),
                arguments.scene,
                arguments.model,
                arguments.output,
                elevation=arguments.elevation,
                threshold=arguments.threshold,
                minimum_area_m2=arguments.minimum_area,
                probability=arguments.probability,
                trust=arguments.trust,
            )
        case "track":
            module.run(Path(arguments.root), arguments.inventories, arguments.output, arguments.year_column)
        case "compare":
            module.run(Path(arguments.root), arguments.manual, arguments.predicted, arguments.area, arguments.output)
        case "sync-runs" | "unlock":
            module.run(Path(arguments.root).resolve())
        case "statistics":
            module.run(Path(arguments.root), arguments.inventory, arguments.area, arguments.output)


def _train_together(stage: Any, arguments: argparse.Namespace) -> None:
    from chronoslide.models.team import Team
    from chronoslide.models.workers import together

    if arguments.worker is None or not arguments.with_workers:
        raise SettingsError("--workers and --worker go together: the addresses of all, and which this one is, from 0")
    with together(Team(tuple(arguments.with_workers.split(",")), arguments.worker)):
        stage.run(Path(arguments.root).resolve())


def _tune(stage: Any, arguments: argparse.Namespace) -> None:
    root = Path(arguments.root).resolve()
    if arguments.worker:
        stage.run_worker(root, arguments.storage, arguments.worker, arguments.minutes)
    else:
        stage.run(root, arguments.workers, arguments.storage, new=arguments.new)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chronoslide",
        description="Multi-temporal landslide inventories from satellite scenes. `dvc repro` runs the stages in order.",
    )
    parser.add_argument("--version", action="version", version=f"chronoslide {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    stages = {name: _add_verb(verbs, name, f"The result of `{name}` is {result}.") for name, result in STAGES.items()}
    track = stages["track"]
    track.add_argument("inventories", type=Path, nargs="*", help="anybody's inventories, the year in each name")
    track.add_argument("--year-column", help="column with the year of each polygon, for files of several years")
    track.add_argument("--output", "-o", type=Path, default=Path("tracked.gpkg"), help="a GeoPackage for those files")
    _add_scene(stages["map"])
    stages["report"].add_argument(
        "--against", metavar="REV", help="also compare with a git revision, or a run in MLflow"
    )
    for name in ("pretrain", "transfer"):
        _add_workers(stages[name])
    tune = stages["tune"]
    tune.add_argument("--workers", type=int, metavar="N", help="processes that share the cores (default: params.yaml)")
    tune.add_argument("--storage", metavar="URL", help="database of the study (default: params.yaml)")
    anew = tune.add_mutually_exclusive_group()
    anew.add_argument(
        "--new", action="store_const", const="always", help="begin a new study; the one that is there is kept"
    )
    anew.add_argument(
        "--new-if-changed",
        dest="new",
        action="store_const",
        const="if changed",
        help="begin one where none was made for these data and settings, as `dvc repro` does, instead of refusing",
    )
    tune.set_defaults(new="never")
    tune.add_argument("--worker", help=argparse.SUPPRESS)  # what `--workers` starts: the name of the study
    tune.add_argument("--minutes", type=float, help=argparse.SUPPRESS)
    configure = _add_verb(verbs, "configure", "Writes the settings of a profile into params.yaml.")
    configure.add_argument("--profile", required=True, help="name of a file in profiles/: smoke, demo or paper")
    chips = _add_verb(verbs, "chips", "Trains and tests a model on folders of image and mask chips made by others.")
    chips.add_argument("train", type=Path, help="folder with images/ and masks/ to train on")
    chips.add_argument("test", type=Path, help="folder with images/ and masks/ that is looked at once, at the end")
    chips.add_argument("--output", type=Path, help="folder for model and metrics.json (default: results/chips)")
    rasterise = _add_verb(
        verbs, "rasterise", "Burns inventories made by others on grids of their own and turns them back into polygons."
    )
    rasterise.add_argument("inventories", type=Path, nargs="+", help="vector files in a system in metres")
    rasterise.add_argument("--resolution", type=float, default=5.0, help="pixel size in metres (default: 5)")
    rasterise.add_argument("--output", type=Path, default=Path("results/rasterised"), help="folder for the results")
    compare = _add_verb(verbs, "compare", "Compares an inventory with a reference: objects, shapes, sizes (JSON).")
    compare.add_argument("manual", type=Path, help="the reference: polygons in metres")
    compare.add_argument("predicted", type=Path, help="the inventory that is judged, in the same reference system")
    statistics = _add_verb(
        verbs, "statistics", "Measures an inventory: numbers, densities, size distribution, magnitude, volume (JSON)."
    )
    statistics.add_argument("inventory", type=Path, help="polygons in metres")
    for verb in (compare, statistics):
        verb.add_argument("--area", type=Path, help="polygons of the area that was mapped")
        verb.add_argument("--output", "-o", type=Path, help="a JSON file (default: print)")
    _add_verb(verbs, "sync-runs", "Sends MLflow's server the runs that were kept in unsent/ while it was away.")
    _add_verb(verbs, "unlock", "Mends what a killed DVC left half-written (its locks, dvc.lock); no result is touched.")
    _add_review(verbs)
    _add_deliveries(verbs)
    return parser


def _add_workers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--workers",
        dest="with_workers",
        metavar="HOST:PORT,...",
        help="train by several processes, the same command in each with another --worker; the first keeps the result",
    )
    verb.add_argument("--worker", type=int, metavar="N", help="which of the workers this process is, from 0")


def _add_scene(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "scene", type=Path, nargs="?", help="anybody's scene: then only this one is mapped, to landslides"
    )
    verb.add_argument(
        "--model",
        default="models:/chronoslide-transferred@champion",
        help="models:/NAME@ALIAS, models:/NAME/VERSION or the folder of a stored one (default: %(default)s)",
    )
    verb.add_argument("--output", "-o", type=Path, default=Path("landslides.gpkg"), help="a GeoPackage (%(default)s)")
    verb.add_argument("--elevation", type=Path, help="elevations in metres: fragments are joined along the descent")
    verb.add_argument("--threshold", type=float, help="probability from which a pixel is landslide (the model's own)")
    verb.add_argument("--minimum-area", type=float, help="minimum mapping unit in m2 (that of the settings)")
    verb.add_argument("--probability", type=Path, help="a GeoTIFF for the probabilities")
    verb.add_argument(
        "--scheduler", metavar="ADDRESS", help="map all years on the workers of this Dask scheduler (tcp://host:8786)"
    )
    verb.add_argument("--trust", action="store_true", help="take a model's folder that holds programs, too")


def _add_deliveries(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    look = _add_verb(verbs, "inspect", "Says what lies in a delivery and proposes its dataset.yaml.")
    init = _add_verb(verbs, "init", "Takes deliveries into the data folder and writes dataset.yaml.")
    for verb in (look, init):
        verb.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="folders or files, as they came")
        verb.add_argument("--training", type=Path, nargs="+", default=[], metavar="PATH", help="of the training area")
        verb.add_argument("--aoi", type=Path, help="outline of the area to be mapped (default: what all years show)")
        verb.add_argument("--training-aoi", type=Path, help="outline of the training area")
        verb.add_argument("--name", help="short name of the data set (default: the folder's)")
        verb.add_argument("--crs", help="system in metres to bring scenes to (default: theirs, or the UTM zone)")
        verb.add_argument("--resolution", type=float, help="pixel size in metres (default: the scenes')")
        verb.add_argument("--bands", help="bands in the files' order, as in blue,green,red,nir")
        verb.add_argument("--scale", type=float, help="stored value of a reflectance of 1")
        verb.add_argument("--offset", type=float, help="what is added to stored values before they are divided")
        verb.add_argument("--date", action="append", default=[], metavar="SCENE=DATE", help="date of a scene")
        verb.add_argument("--year", action="append", default=[], metavar="SCENE=YEAR", help="year that it stands for")
    fetch = _add_verb(verbs, "fetch", "Fetches one open Sentinel-2 acquisition a year of an area from a STAC API.")
    fetch.add_argument("--stac", required=True, metavar="URL", help="address of the API")
    fetch.add_argument("--collection", default="sentinel-2-l2a", help="its collection (default: sentinel-2-l2a)")
    fetch.add_argument("--aoi", type=Path, required=True, help="outline of the area")
    fetch.add_argument("--years", required=True, help="as in 2016-2025 or 2016,2018")
    fetch.add_argument("--season", required=True, help="days of the year, as in 10-15..12-15")
    fetch.add_argument("--max-cloud", type=float, default=10.0, help="percentage over the area itself (default: 10)")
    fetch.add_argument(
        "--bands", default="blue,green,red,red_edge,nir", help="bands to read (default: the model's five)"
    )
    fetch.add_argument("--output", "-o", type=Path, default=Path("fetched"), help="a folder (default: fetched)")
    fetch.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for an answer (default: 60)")
    fetch.add_argument("--retries", type=int, default=4, help="how often to ask again, ever more slowly (default: 4)")
    fetch.add_argument("--skip", action="append", default=[], metavar="ITEM", help="an item that is not to be taken")
    fetch.add_argument("--dry-run", action="store_true", help="only show which acquisitions would be taken")
    init.add_argument("--data", type=Path, help="the data folder (default: data in the root)")
    init.add_argument("--link", action="store_true", help="link files instead of copying; `dvc add` makes them copies")
    init.add_argument("--force", action="store_true", help="replace a dataset.yaml that is there")


def _add_review(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "Hands the most doubtful polygons to a person, and takes back what they decided."
    steps = verbs.add_parser("review", help=text, description=text).add_subparsers(
        dest="step", required=True, metavar="STEP"
    )
    prepare = steps.add_parser("prepare", help="write a package for QGIS, the most doubtful polygons first")
    apply = steps.add_parser("apply", help="take a filled-in package back: inventory, training polygons, changes")
    apply.add_argument("package", type=Path, help="the GeoPackage that was filled in")
    for step, default in ((prepare, "review.gpkg"), (apply, "reviewed.gpkg")):
        step.add_argument("inventory", type=Path, help="the inventory that is reviewed")
        step.add_argument("--layer", help="its layer, where it has several")
        step.add_argument("--output", "-o", type=Path, default=Path(default), help=f"a GeoPackage ({default})")
        step.set_defaults(root=".")


def _add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=description, description=description)
    verb.add_argument("--root", default=".", help="root of the repository (default: the current folder)")
    return verb
