"""`chronoslide patches`: training, validation and test samples of both sites, split by place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import SITES, SiteName
from chronoslide.errors import DataError, SettingsError
from chronoslide.files import replacing, write_json
from chronoslide.grid import require_same
from chronoslide.labels import UNOBSERVED
from chronoslide.params import Settings, read_settings
from chronoslide.patches.augmentation import augment_to
from chronoslide.patches.blocks import assign_blocks
from chronoslide.patches.scaling import band_statistics
from chronoslide.patches.storage import PatchSet, write_patches, write_statistics
from chronoslide.patches.subset_windows import at_random, by_place, cut_patches, require_patches
from chronoslide.patches.summary import blocks_summary, patches_summary
from chronoslide.patches.year_crops import crops_of_years, lend_labels, ndvi_of
from chronoslide.patches.years import LabelledYear, labelled_year, labels_of_all
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.scene import read_scene
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


def _make_site(
    root: Path, settings: Settings, site: SiteName, folder: Path, progress: Callable[[], object] | None
) -> dict[str, Any]:
    section, bands = settings.patches, settings.scenes.stored_bands
    years = {year: _read_year(root, site, year, bands) for year in _years(root, settings, site)}
    labels, grid = labels_of_all(years, f"the years of the {site} site")
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

    seed = _seed(settings, site, "sampling")
    if settings.protocol == "blocks":
        windows_of, dropped = by_place(years, blocks, section, test_share=test_share, seed=seed)
    else:
        windows_of, dropped = at_random(years, section, test_share=test_share, seed=seed)
    require_patches(windows_of, site)
    patches: dict[str, Any] = {}
    for subset, windows in windows_of.items():
        originals, samples = cut_patches(years, windows, section.side_pixels, site=site, bands=bands)
        patch_set = originals
        if subset == "train":
            write_statistics(folder, band_statistics(originals.images, originals.labels != UNOBSERVED, bands))
            patch_set, samples = _augmented(settings, site, originals, samples, progress)
            crops = _crops(root, settings, site, years, blocks)
            if crops is not None:
                patch_set, samples = patch_set.joined(crops[0]), pd.concat([samples, crops[1]])
        write_patches(folder / subset, patch_set, samples)
        patches[subset] = patches_summary(patch_set, originals.n)
    return {
        "years": sorted(years),
        "blocks": blocks_summary(blocks, labels, grid, section.block_metres),
        "patches": patches,
        "dropped": dropped,
    }


def _augmented(
    settings: Settings,
    site: SiteName,
    originals: PatchSet,
    samples: pd.DataFrame,
    progress: Callable[[], object] | None,
) -> tuple[PatchSet, pd.DataFrame]:
    section = settings.patches
    total = section.training_patches if site == "training" else section.investigation_patches
    seed = _seed(settings, site, "augmentation")
    augmented = augment_to(originals.images, originals.labels, total, section.augmentation, seed, progress)
    samples = samples.iloc[augmented.original].assign(copy=augmented.copy)
    return PatchSet(augmented.images, augmented.labels, originals.bands), samples


def _crops(
    root: Path, settings: Settings, site: SiteName, years: Mapping[int, LabelledYear], blocks: NDArray[np.uint8]
) -> tuple[PatchSet, pd.DataFrame] | None:
    """The crops of a site and where they come from, if any are wanted."""
    section = settings.patches
    n = section.crops.training if site == "training" else section.crops.investigation
    if not n:
        return None
    wants_others = site == "investigation" and section.crops.other_years > 0
    lent = dict(_lent(root, settings, years[settings.reference_year])) if wants_others else {}
    seed = _seed(settings, site, "crops")
    return crops_of_years(years, lent, blocks, section, n, site=site, bands=settings.scenes.stored_bands, seed=seed)


def _lent(root: Path, settings: Settings, reference: LabelledYear) -> Iterator[tuple[int, LabelledYear]]:
    """The investigation area's other years with the labels that the reference year lends them."""
    folder = root / "results/scenes/investigation"
    ndvi = ndvi_of(read_scene(folder / f"{settings.reference_year}.tif"))
    for path in sorted(folder.glob("*.tif")):
        if int(path.stem) == settings.reference_year:
            continue
        scene = read_scene(path)
        require_same(reference.grid, scene.grid, f"the years of the investigation site, {path.stem}")
        bands = settings.scenes.stored_bands
        yield int(path.stem), lend_labels(reference.labels, ndvi, scene, settings.patches.crops, bands=bands)


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


def _read_year(root: Path, site: SiteName, year: int, bands: tuple[str, ...]) -> LabelledYear:
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
    return labelled_year(scene, labels)


def _seed(settings: Settings, site: SiteName, purpose: str) -> int:
    """A seed of its own for each site and purpose, so that changing one leaves the others as they are."""
    purposes = ("blocks", "sampling", "augmentation", "crops")
    sequence = np.random.SeedSequence([settings.seed, SITES.index(site), purposes.index(purpose)])
    return int(sequence.generate_state(1)[0])
