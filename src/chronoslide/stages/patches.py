"""`chronoslide patches`: training, validation and test samples of both sites, split by place."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import SITES, SiteName
from chronoslide.errors import DataError, SettingsError
from chronoslide.files import replacing, write_json
from chronoslide.grid import Grid, require_same
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.params import Settings, read_settings
from chronoslide.patches.augmentation import augment_to
from chronoslide.patches.blocks import SUBSETS, TRAIN, assign_blocks, block_shape
from chronoslide.patches.carrying import carry_labels
from chronoslide.patches.crops import Crops, draw_crops, prepare
from chronoslide.patches.sampling import (
    Selection,
    Windows,
    cut,
    paper_windows,
    split_at_random,
    tiling_windows,
    training_windows,
)
from chronoslide.patches.scaling import band_statistics
from chronoslide.patches.storage import SAMPLE_COLUMNS, PatchSet, write_patches, write_statistics
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.channels import vegetation_index
from chronoslide.scenes.scene import SCALE, read_scene
from chronoslide.tracking import stage_run

log = logging.getLogger(__name__)


def run(root: Path) -> None:
    """Writes `results/patches`, whole or not at all.

    Raises:
        DataError: Scenes or masks are missing, or leave no patch to train on.
        SettingsError: The blocks cannot be dealt out as the settings want it.
    """
    settings = read_settings(root / "params.yaml")
    with (
        stage_run(root, "patches", settings) as run,
        replacing(root / "results/patches") as folder,
        tqdm(desc="patches", unit=" copies") as bar,
    ):
        summary = make_patches(root, settings, folder, bar.update)
        run.log_metrics(
            {
                f"{site}.{subset}.{name}": counts[name]
                for site, content in summary["sites"].items()
                for subset, counts in content["patches"].items()
                for name in ("originals", "copies", "landslide_share")
            }
        )
    run.log_files([root / "results/patches/summary.json"])


def make_patches(
    root: Path, settings: Settings, folder: Path, progress: Callable[[], object] | None = None
) -> dict[str, Any]:
    """Makes the patches of both sites from `results/scenes` and `results/masks`.

    Args:
        root: The repository.
        settings: The settings in use.
        folder: Where to write.
        progress: Called after each augmented copy.

    Returns:
        What `summary.json` holds: how many patches there are, what they show, and why windows were dropped.
    """
    if settings.protocol == "paper":
        log.warning(
            "patches: protocol 'paper' parts overlapping windows at random; training patches show the ground of test "
            "patches, and the figures are too good"
        )
    sites = {site: _make_site(root, settings, site, folder / site, progress) for site in SITES}
    summary = {
        "protocol": settings.protocol,
        "leaks": settings.protocol == "paper",
        "side_pixels": settings.patches.side_pixels,
        "sites": sites,
    }
    write_json(folder / "summary.json", summary)
    return summary


@dataclass(frozen=True)
class _Year:
    """Stored values (rows, cols, bands), labels (rows, cols) and grid of a year."""

    images: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    grid: Grid


def _make_site(
    root: Path, settings: Settings, site: SiteName, folder: Path, progress: Callable[[], object] | None
) -> dict[str, Any]:
    section = settings.patches
    bands = settings.scenes.stored_bands
    years = {year: _read_year(root, site, year, bands) for year in _years(root, settings, site)}
    labels, grid = _labels_of_all(site, years)
    test_share = section.test_share if site == "investigation" else 0.0
    try:
        blocks = assign_blocks(
            labels,
            grid,
            block_metres=section.block_metres,
            validation_share=section.validation_share,
            test_share=test_share,
            seed=_seed(settings, site, "blocks"),
        )
    except SettingsError as error:
        raise SettingsError(f"{site} site: {error}") from error
    write_raster(folder / "blocks.tif", blocks, grid, bands=["subset"], overviews="nearest")

    windows_of, dropped = (_by_place if settings.protocol == "blocks" else _at_random)(
        settings, site, years, blocks, test_share
    )
    patches: dict[str, Any] = {}
    for subset, windows in windows_of.items():
        originals, samples = _cut(site, years, windows, section.side_pixels, bands)
        patch_set = originals
        if subset == "train":
            statistics = band_statistics(originals.images, originals.labels != UNOBSERVED, bands)
            write_statistics(folder, statistics)
            total = section.training_patches if site == "training" else section.investigation_patches
            augmented = augment_to(
                originals.images,
                originals.labels,
                total,
                section.augmentation,
                _seed(settings, site, "augmentation"),
                progress,
            )
            samples = samples.iloc[augmented.original].assign(copy=augmented.copy)
            crops, crop_samples = _crops(root, settings, site, years, blocks)
            patch_set = PatchSet(augmented.images, augmented.labels, bands)
            if crops is not None:
                patch_set = patch_set.joined(PatchSet(crops.images, crops.labels, bands))
            samples = pd.concat([samples, crop_samples])
        write_patches(folder / subset, patch_set, samples)
        patches[subset] = {
            "originals": originals.n,
            "copies": patch_set.n - originals.n,
            "landslide_share": _share(patch_set.labels),
            "unobserved_share": float((patch_set.labels == UNOBSERVED).mean()),
        }
    return {
        "years": sorted(years),
        "blocks": _blocks_summary(blocks, labels, grid, section.block_metres),
        "patches": patches,
        "dropped": dropped,
    }


def _crops(
    root: Path, settings: Settings, site: SiteName, years: Mapping[int, _Year], blocks: NDArray[np.uint8]
) -> tuple[Crops | None, pd.DataFrame]:
    """The crops of a site, if any are wanted, and where they come from."""
    section = settings.patches
    n = section.crops.training if site == "training" else section.crops.investigation
    if not n:
        return None, pd.DataFrame(columns=list(SAMPLE_COLUMNS))
    share = section.crops.other_years if site == "investigation" else 0.0
    others = dict(_carried(root, settings, years[settings.reference_year])) if share else {}
    share = share if others else 0.0
    weights = [*((1.0 - share) / len(years) for _ in years), *(share / len(others) for _ in others)]
    all_years = {**years, **others}
    crops = draw_crops(
        [prepare(year.images, year.labels, blocks == TRAIN) for year in all_years.values()],
        weights,
        n,
        side=section.side_pixels,
        empty_share=section.empty_share,
        scale=section.crops.scale,
        seed=_seed(settings, site, "crops"),
    )
    numbers = list(all_years)
    rows = [
        (site, numbers[ground], int(row), int(col), copy)
        for copy, (ground, (row, col)) in enumerate(zip(crops.ground, crops.corners, strict=True), start=1)
    ]
    return crops, pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))


def _carried(root: Path, settings: Settings, reference: _Year) -> Iterator[tuple[int, _Year]]:
    """The investigation area's other years with the labels that the reference year lends them."""
    bands, crops = settings.scenes.stored_bands, settings.patches.crops
    scenes = root / "results/scenes/investigation"
    what = "patches.crops.other_years needs NDVI"
    before = vegetation_index(read_scene(scenes / f"{settings.reference_year}.tif"), "ndvi", what)
    for path in sorted(scenes.glob("*.tif")):
        if int(path.stem) == settings.reference_year:
            continue
        scene = read_scene(path)
        require_same(reference.grid, scene.grid, f"the years of the investigation site, {path.stem}")
        labels = carry_labels(
            reference.labels,
            before,
            vegetation_index(scene, "ndvi", what),
            scene.valid,
            background_tolerance=crops.background_tolerance,
            landslide_tolerance=crops.landslide_tolerance,
        )
        images = np.rint(scene.select(bands).reflectance * SCALE).astype(np.uint16)
        yield int(path.stem), _Year(images, labels, scene.grid)


def _years(root: Path, settings: Settings, site: SiteName) -> list[int]:
    """All years that have masks at the training site, the reference year at the investigation site."""
    if site == "investigation":
        return [settings.reference_year]
    folder = root / "results/masks" / site
    years = sorted(int(path.stem) for path in folder.glob("*.tif"))
    if not years:
        raise DataError(
            f"{folder}: no masks; run `chronoslide masks` first, and describe a training area with an inventory"
        )
    return years


def _read_year(root: Path, site: SiteName, year: int, bands: tuple[str, ...]) -> _Year:
    mask_path = root / f"results/masks/{site}/{year}.tif"
    if not mask_path.exists():
        raise DataError(
            f"{mask_path}: no such file; deliver the inventory of {year} and run `chronoslide masks`, or name another "
            "reference_year in params.yaml"
        )
    scene = read_scene(root / f"results/scenes/{site}/{year}.tif").select(bands)
    mask = read_raster(mask_path)
    require_same(scene.grid, mask.grid, f"scene and mask of {site} {year}")
    labels = np.where(scene.valid, mask.values[..., 0], UNOBSERVED).astype(np.uint8)
    return _Year(np.rint(scene.reflectance * SCALE).astype(np.uint16), labels, scene.grid)


def _labels_of_all(site: SiteName, years: Mapping[int, _Year]) -> tuple[NDArray[np.uint8], Grid]:
    """One label a pixel for the blocks: landslide if it is so in any year, unobserved if in all."""
    (first, *others) = years.values()
    labels = first.labels.copy()
    for other in others:
        require_same(first.grid, other.grid, f"the years of the {site} site")
        labels[labels == UNOBSERVED] = other.labels[labels == UNOBSERVED]
        labels[other.labels == LANDSLIDE] = LANDSLIDE
    return labels, first.grid


def _by_place(
    settings: Settings, site: SiteName, years: Mapping[int, _Year], blocks: NDArray[np.uint8], test_share: float
) -> tuple[dict[str, dict[int, Windows]], dict[str, Mapping[str, int]]]:
    """The windows of each subset and year, and why others were dropped."""
    section = settings.patches
    rng = np.random.default_rng(_seed(settings, site, "sampling"))
    selections: dict[str, dict[int, Selection]] = {}
    for subset, code in SUBSETS.items():
        if subset == "test" and not test_share:
            continue
        selections[subset] = {}
        for year, content in years.items():
            shape = block_shape(content.grid, section.block_metres)
            if code == TRAIN:
                selections[subset][year] = training_windows(
                    content.labels,
                    blocks,
                    side=section.side_pixels,
                    stride=section.stride_pixels,
                    block_shape=shape,
                    minimum_landslide_pixels=section.minimum_landslide_pixels,
                    empty_share=section.empty_share,
                    rng=rng,
                )
            else:
                selections[subset][year] = tiling_windows(
                    content.labels, blocks, code, side=section.side_pixels, block_shape=shape
                )
    windows = {subset: {year: chosen.windows for year, chosen in of.items()} for subset, of in selections.items()}
    _require_patches(site, windows)
    return windows, {subset: _total(list(of.values())) for subset, of in selections.items()}


def _at_random(
    settings: Settings, site: SiteName, years: Mapping[int, _Year], _: NDArray[np.uint8], test_share: float
) -> tuple[dict[str, dict[int, Windows]], dict[str, Mapping[str, int]]]:
    """The same by the paper's protocol."""
    section = settings.patches
    selections = {
        year: paper_windows(
            content.labels,
            side=section.side_pixels,
            stride=section.stride_pixels,
            minimum_landslide_pixels=section.minimum_landslide_pixels,
        )
        for year, content in years.items()
    }
    year_of = np.concatenate([np.full(len(chosen.windows), year) for year, chosen in selections.items()])
    together = np.concatenate([chosen.windows for chosen in selections.values()])
    codes = split_at_random(
        len(together),
        validation_share=section.validation_share,
        test_share=test_share,
        rng=np.random.default_rng(_seed(settings, site, "sampling")),
    )
    windows = {
        subset: {year: together[(codes == code) & (year_of == year)] for year in years}
        for subset, code in SUBSETS.items()
        if subset != "test" or test_share
    }
    _require_patches(site, windows)
    return windows, {"all": _total(list(selections.values()))}


def _require_patches(site: SiteName, windows: Mapping[str, Mapping[int, Windows]]) -> None:
    for subset, of_years in windows.items():
        if not sum(map(len, of_years.values())):
            raise DataError(
                f"{site} site: no {subset} patch; lower patches.side_pixels, patches.stride_pixels or "
                "patches.minimum_landslide_pixels, or deliver scenes with less NoData"
            )


def _cut(
    site: SiteName, years: Mapping[int, _Year], windows: Mapping[int, Windows], side: int, bands: tuple[str, ...]
) -> tuple[PatchSet, pd.DataFrame]:
    images = np.concatenate([cut(years[year].images, of_year, side, fill=0) for year, of_year in windows.items()])
    labels = np.concatenate([cut(years[year].labels, of_year, side, UNOBSERVED) for year, of_year in windows.items()])
    rows = [(site, year, int(row), int(col), 0) for year, of_year in windows.items() for row, col, *_ in of_year]
    return PatchSet(images, labels, bands), pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))


def _total(selections: list[Selection]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for selection in selections:
        total.update(selection.dropped)
    return dict(total)


def _blocks_summary(
    blocks: NDArray[np.uint8], labels: NDArray[np.uint8], grid: Grid, block_metres: float
) -> dict[str, Any]:
    rows, cols = block_shape(grid, block_metres)
    corners = blocks[::rows, ::cols]
    landslide, ground = labels == LANDSLIDE, labels != UNOBSERVED
    return {
        subset: {
            "blocks": int((corners == code).sum()),
            "observed_km2": float((ground & (blocks == code)).sum() * grid.pixel_area_m2 / 1e6),
            "landslide_km2": float((landslide & (blocks == code)).sum() * grid.pixel_area_m2 / 1e6),
            "share_of_observed": float((ground & (blocks == code)).sum() / ground.sum()),
            "share_of_landslide": float((landslide & (blocks == code)).sum() / landslide.sum()),
        }
        for subset, code in SUBSETS.items()
    }


def _share(labels: NDArray[np.uint8]) -> float:
    """Landslide among the labelled pixels."""
    landslide = int((labels == LANDSLIDE).sum())
    return landslide / max(landslide + int((labels == BACKGROUND).sum()), 1)


def _seed(settings: Settings, site: SiteName, purpose: str) -> int:
    """A seed of its own for each site and purpose, so that changing one leaves the others as they are."""
    purposes = ("blocks", "sampling", "augmentation", "crops")
    sequence = np.random.SeedSequence([settings.seed, SITES.index(site), purposes.index(purpose)])
    return int(sequence.generate_state(1)[0])
