"""`chronoslide init PATH ...`: takes deliveries into the data folder and writes `dataset.yaml`.

Files are copied, since DVC keeps what lies in `data/`; those that already lie in the folder of their site are
described where they are. `--link` links instead: `dvc add` replaces links by copies of its own. Settings in
`params.yaml` that the data contradict (bands that are not delivered, a reference year without a scene) are changed,
and said.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rasterio.warp import transform_bounds
from ruamel.yaml.comments import CommentedSeq

from chronoslide.commands.inspect import described, look_at, require_no_problem
from chronoslide.commands.settings import read_editable, write_edited
from chronoslide.dataset import DESCRIPTION, SITES, Dataset, SiteName, write_dataset
from chronoslide.errors import DataError, StorageError
from chronoslide.files import replacing, write_text
from chronoslide.grid import Grid
from chronoslide.manual_inventories import file_of
from chronoslide.params import read_settings
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.deliveries.inspection import Inspection
from chronoslide.scenes.deliveries.looking import pixel_metres
from chronoslide.scenes.deliveries.proposal import Proposal, propose
from chronoslide.scenes.deliveries.reading import crs_of
from chronoslide.scenes.reprojection import resample
from chronoslide.scenes.scene import Scene
from chronoslide.vectors import write_geopackage

_ELEVATION_NODATA = -32_768.0


def run(root: Path, arguments: argparse.Namespace) -> None:
    """Fills the data folder; the description is written last, so that half a copy is never described.

    Raises:
        DataError: A problem with the delivery, or a description is there already.
        SettingsError: An option cannot be understood, or `params.yaml` is invalid.
        StorageError: The data folder cannot be written to.
    """
    data = arguments.data if arguments.data is not None else root / "data"
    path = data / DESCRIPTION
    if path.exists() and not arguments.force:
        raise DataError(f"{path}: is there already; take another folder with --data, or replace it with --force")
    inspections, wishes = look_at(arguments)
    require_no_problem(inspections)
    proposal = propose(inspections, data, wishes)
    if (root / "params.yaml").exists():
        read_settings(root / "params.yaml")  # found invalid now rather than after copying
    _bring_in(proposal, data, link=arguments.link)
    for site in SITES:  # what dvc.yaml names must be there, and DVC keeps no empty folder
        folder = data / site / "inventories"
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            write_text(folder / "README.txt", f"No inventory of the {site} area was delivered.\n")
    write_dataset(data, proposal.dataset)
    for note in (*(note for inspection in inspections.values() for note in inspection.notes), *proposal.notes):
        print(f"note: {note}")
    print(f"{path}: {described(proposal)}")
    for line in _leftovers(data, proposal):
        print(line)
    if data.resolve() == (root / "data").resolve():
        lines = _fit_settings(root, proposal.dataset, inspections)
    else:
        lines = [f"the stages read {root / 'data'}: this folder is for a copy of the repository"]
    print("\n".join([*lines, *_next_commands(root, data, proposal)]))


def _bring_in(proposal: Proposal, data: Path, *, link: bool) -> None:
    for source, below in proposal.copies.items():
        target = data / below
        if target.exists() and target.resolve() == source.resolve():
            continue
        with replacing(target) as temporary:
            if link:
                temporary.symlink_to(source.resolve())
            else:
                _copy(source, temporary)
    for below, area in proposal.areas.items():
        write_geopackage(data / below, {"area_of_interest": area})
    for below, source in proposal.elevations.items():
        _bring_elevation(source, data / below, proposal.dataset)


def _leftovers(data: Path, proposal: Proposal) -> list[str]:
    """A line about files that the description does not name: DVC would keep them with the others."""
    described = {*proposal.copies.values(), *proposal.areas, *proposal.elevations, Path(DESCRIPTION)}
    for site in proposal.dataset.sites.values():
        for year in site.years.values():
            described |= {path for acquisition in year.acquisitions for path in acquisition.files()}
            described |= {file_of(year.inventory)} if year.inventory is not None else set()
    stems = {path.with_suffix("") for path in described}
    left = [
        path
        for path in sorted(path.relative_to(data) for path in data.rglob("*") if path.is_file())
        if path not in described and path.with_suffix("") not in stems and path.name != "README.txt"
    ]
    if not left:
        return []
    return [f"note: {data} holds {len(left)} files that are not described, as {left[0]}; take them out, DVC keeps all"]


def _copy(source: Path, target: Path) -> None:
    try:
        with source.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            if shutil.disk_usage(target.parent).free < length:
                raise StorageError(
                    f"{target.parent}: no room for {source.name} ({length / 1e6:.0f} MB); free space, or use --link"
                )
        shutil.copyfile(source, target)
    except PermissionError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror}); make it readable") from error


def _bring_elevation(source: Path, target: Path, dataset: Dataset) -> None:
    """The elevation model in the data set's system: as it is, or interpolated onto pixels of about its own size."""
    raster = read_raster(source)
    crs = crs_of(dataset)
    height = np.where(raster.valid, raster.values[..., 0], 0).astype(np.float32)[..., np.newaxis]
    scene = Scene(height, raster.valid, raster.grid, ("elevation",))
    if raster.grid.crs != crs:
        bounds = transform_bounds(raster.grid.crs, crs, *raster.grid.bounds)
        scene = resample(scene, Grid.from_bounds(bounds, crs, round(pixel_metres(raster.grid), 1)))
    values = np.where(scene.valid[..., np.newaxis], scene.reflectance, np.float32(_ELEVATION_NODATA))
    write_raster(target, values, scene.grid, bands=["elevation"], nodata=_ELEVATION_NODATA)


def _fit_settings(root: Path, dataset: Dataset, inspections: Mapping[SiteName, Inspection]) -> list[str]:
    """Changes what `params.yaml` says about bands and the reference year where the data contradict it."""
    path = root / "params.yaml"
    if not path.exists():
        return [f"{path}: no such file; in a repository of Chronoslide, `init` fits its settings to the data"]
    content = read_editable(path)
    lines = []
    wanted = list(content["scenes"]["bands"])
    lacking = [band for band in wanted if band not in dataset.bands]
    if lacking:
        kept = [band for band in wanted if band in dataset.bands] or list(dataset.bands)
        named = CommentedSeq(kept)
        named.fa.set_flow_style()
        content["scenes"]["bands"] = named
        lines.append(
            f"params.yaml: scenes.bands is now {', '.join(kept)}: {dataset.sensor} delivers no {', '.join(lacking)}; "
            "models of other bands do not fit"
        )
    years = dataset.sites["investigation"].years
    if content["reference_year"] not in years:
        counts = Counter[int]()
        for inventory in inspections["investigation"].inventories:
            counts.update({year: count for year, count in inventory.polygons.items() if year in years})
        best = max(sorted(years), key=lambda year: (counts[year], -abs(year - float(np.median(list(years))))))
        lines.append(
            f"params.yaml: reference_year {content['reference_year']} -> {best} (most polygons, or the middle)"
        )
        content["reference_year"] = best
    if not lines:
        return []
    write_edited(path, content)
    return lines


def _next_commands(root: Path, data: Path, proposal: Proposal) -> list[str]:
    sites = proposal.dataset.sites
    trained = "training" in sites and any(year.inventory for year in sites["training"].years.values())
    mapped = any(year.inventory for year in sites["investigation"].years.values())
    named = data.name if data.resolve().parent == root.resolve() else data
    lines = ["next:", f"  dvc add {named}"]
    if trained and mapped:
        return [*lines, "  dvc repro"]
    lines.append("  dvc repro scenes")
    if not trained:
        lines.append(
            "  (a model is pretrained on a training area with an inventory: name its deliveries with --training)"
        )
    if not mapped:
        lines.append("  (no inventory of the area that is mapped: name one for at least the reference year)")
    return lines
