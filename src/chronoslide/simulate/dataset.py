"""Makes the whole simulated data set: two sites, their scenes, inventories and answer keys, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize, shapes
from rasterio.windows import Window
from scipy import ndimage
from shapely.geometry import Polygon, box, shape

from chronoslide.dataset import Acquisition, Dataset, Site, SiteName, Year, write_dataset
from chronoslide.grid import Grid
from chronoslide.params import SimulateSettings
from chronoslide.simulate import delivery
from chronoslide.simulate.fields import FloatArray, gaussian_random_field
from chronoslide.simulate.histories import History, Sighting, renamed, simulate_history
from chronoslide.simulate.land_cover import (
    Cover,
    LandCover,
    cover_of_year,
    simulate_land_cover,
    surface_without_landslides,
)
from chronoslide.simulate.light import brightness, cast_shadow, illumination
from chronoslide.simulate.mapper import map_by_hand
from chronoslide.simulate.plan import (
    BANDS,
    FULL_AREA_M2,
    RESOLUTION_METRES,
    YearPlan,
    conditions_of,
    plan_training,
    plan_years,
)
from chronoslide.simulate.sensor import SCALE, observe, simulate_clouds, simulate_haze
from chronoslide.simulate.sites import FailingGround
from chronoslide.simulate.surface import SlidGround, with_landslides
from chronoslide.simulate.swath import cut_tiles
from chronoslide.simulate.terrain import Terrain, simulate_terrain

MARGIN = 60  # pixels that scenes reach beyond the area of interest
_CRS = CRS.from_epsg(32645)
_CORNERS: dict[SiteName, tuple[float, float]] = {
    "investigation": (322_900.0, 3_113_450.0),
    "training": (338_400.0, 3_121_900.0),
}
_SCARS_ON_FULL_SITE = 45
_UNOBSERVED = 0.7  # a landslide of which less is seen is unobserved
_INSET = 4  # pixels between a landslide and the rim of the area of interest


def simulate_dataset(
    folder: Path, settings: SimulateSettings, seed: int, progress: Callable[[str], None] | None = None
) -> None:
    """Makes the data set in `folder`; the same settings and seed always give the same bytes.

    Args:
        folder: The data folder. Files of the same names are replaced.
        settings: How large the sites are and which years they have.
        seed: Of everything random.
        progress: Is told what is being made.

    Raises:
        StorageError: The folder cannot be written to.
    """
    tell = progress or (lambda _message: None)
    investigation_seed, training_seed = np.random.SeedSequence(seed).spawn(2)
    pixel = RESOLUTION_METRES**2
    training_shape = (settings.training_rows, settings.training_cols)
    training = plan_training(settings.training_landslides, training_shape[0] * training_shape[1] * pixel)
    plans = plan_years(settings.years, settings.rows * settings.cols * pixel)
    sites: dict[SiteName, Site] = {
        "training": _simulate_site(folder, "training", training_shape, training, training_seed, tell),
        "investigation": _simulate_site(
            folder, "investigation", (settings.rows, settings.cols), plans, investigation_seed, tell
        ),
    }
    write_dataset(
        folder,
        Dataset(
            name="simulated-himalaya",
            provenance="simulated",
            description=(
                "A simulated Himalayan valley before and after an earthquake in 2015, seen by a simulated RapidEye "
                "once a year, and a training area beside it. No real place."
            ),
            sensor=delivery.SENSOR,
            bands=BANDS,
            scale=SCALE,
            nodata=0.0,
            crs="EPSG:32645",
            resolution_metres=RESOLUTION_METRES,
            sites=sites,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stays the same in all years of a site."""

    grid: Grid
    terrain: Terrain
    land: LandCover
    texture: FloatArray
    seed: int


def _simulate_site(
    folder: Path,
    name: SiteName,
    inner_shape: tuple[int, int],
    plans: Sequence[YearPlan],
    seeds: np.random.SeedSequence,
    tell: Callable[[str], None],
) -> Site:
    # A stream for each thing, so that a change to one leaves the others as they were.
    ground_rng, cover_rng, slide_rng, texture_rng, *yearly = (
        np.random.Generator(np.random.PCG64(stream)) for stream in seeds.spawn(4 + 2 * len(plans))
    )
    shape_ = (inner_shape[0] + 2 * MARGIN, inner_shape[1] + 2 * MARGIN)
    left, top = _CORNERS[name][0] - MARGIN * RESOLUTION_METRES, _CORNERS[name][1] + MARGIN * RESOLUTION_METRES
    grid = Grid(_CRS, Affine(RESOLUTION_METRES, 0.0, left, 0.0, -RESOLUTION_METRES, top), shape_)
    inner = grid.crop(Window(MARGIN, MARGIN, inner_shape[1], inner_shape[0]))
    tell(f"{name}: terrain and land cover")
    terrain = simulate_terrain(shape_, ground_rng)
    land = simulate_land_cover(terrain, cover_rng)
    coarse, fine = (gaussian_random_field(shape_, exponent, texture_rng) for exponent in (2.2, 0.6))
    texture: FloatArray = np.asarray(np.round(np.exp(0.14 * (0.75 * coarse + 0.66 * fine)), 6))
    ground = _Ground(grid, terrain, land, texture, int(texture_rng.integers(2**31)))
    tell(f"{name}: landslides")
    inside = np.zeros(shape_, dtype=bool)
    rim = MARGIN + _INSET
    inside[rim:-rim, rim:-rim] = True
    failing = FailingGround(terrain, land, inside, (left, top), slide_rng)
    scars = round(_SCARS_ON_FULL_SITE * inner_shape[0] * inner_shape[1] * RESOLUTION_METRES**2 / FULL_AREA_M2)
    history = simulate_history(plans, failing, scars, slide_rng)
    slid = SlidGround(shape_, (left, top), history.scars)
    years: dict[int, Year] = {}
    key: dict[int, tuple[Sighting, ...]] = {}
    observed: dict[int, list[float]] = {}
    for position, plan in enumerate(plans):
        tell(f"{name}: {plan.year}")
        sensor_rng, mapper_rng = yearly[2 * position : 2 * position + 2]
        sightings = history.years[plan.year]
        scene = _scene(ground, slid, sightings, plan.year, sensor_rng)
        observed[plan.year] = _observed_shares(sightings, scene.usable, grid)
        key[plan.year] = tuple(
            renamed(one, "unobserved") if share < _UNOBSERVED and one.state == "persistent" else one
            for one, share in zip(sightings, observed[plan.year], strict=True)
        )
        lookalikes = _lookalikes(scene.cover, grid, inner.footprint.buffer(-30.0), history)
        drawn = map_by_hand(sightings, observed[plan.year], lookalikes, mapper_rng)
        inventory = Path(name) / "inventories" / f"{plan.year}.gpkg"
        delivery.write_manual_inventory(folder / inventory, drawn, _CRS)
        years[plan.year] = Year(
            date=conditions_of(plan.year).acquired.date(),
            acquisitions=_deliver(folder, name, plan.year, scene, grid),
            inventory=inventory,
        )
    area, elevation = Path(name) / "area_of_interest.gpkg", Path(name) / "elevation.tif"
    delivery.write_area_of_interest(folder / area, name, inner.footprint, _CRS)
    delivery.write_elevation(folder / elevation, np.round(terrain.elevation, 1).astype(np.float32), grid)
    delivery.write_answer_key(folder / "answer_key" / f"{name}.gpkg", key, observed, _CRS)
    return Site(area_of_interest=area, elevation=elevation, years=years)


@dataclass(frozen=True, slots=True)
class _Scene:
    stored: NDArray[np.uint16]
    clouded: NDArray[np.bool_]
    imaged: NDArray[np.bool_]
    cover: NDArray[np.uint8]

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.imaged & ~self.clouded


def _scene(
    ground: _Ground, slid: SlidGround, sightings: Sequence[Sighting], year: int, rng: np.random.Generator
) -> _Scene:
    conditions = conditions_of(year)
    shape_ = ground.grid.shape
    cover = cover_of_year(ground.land, year, ground.seed)
    surface = surface_without_landslides(ground.land, cover, conditions.greenness, ground.seed, year)
    slid_share, debris = slid.advance(sightings)
    dry = 1.0 - ground.land.water  # a river soon cuts its way through a toe
    surface = with_landslides(surface, slid_share * dry, debris * dry, ground.texture)
    _let_it_snow(surface, ground, conditions.snow, rng)
    surface *= np.exp(0.035 * gaussian_random_field(shape_, 0.8, rng))[..., np.newaxis].astype(np.float32)
    incidence = illumination(
        ground.terrain.slope, ground.terrain.aspect, conditions.sun_elevation, conditions.sun_azimuth
    )
    shadow = cast_shadow(ground.terrain.elevation, conditions.sun_elevation, conditions.sun_azimuth)
    clouds = simulate_clouds(shape_, conditions, rng)
    surface *= brightness(incidence, np.where(shadow, 0.0, 1.0 - clouds.shade)).astype(np.float32)
    haze = simulate_haze(shape_, conditions.haze, rng)
    stored = observe(surface, haze, clouds, conditions, rng)
    imaged = np.zeros(shape_, dtype=bool)
    for tile in cut_tiles(shape_, MARGIN, conditions.lost_corner):
        imaged[:, tile.first_col : tile.last_col] |= tile.imaged
    return _Scene(stored, clouds.flagged, imaged, cover)


def _let_it_snow(surface: NDArray[np.float32], ground: _Ground, share: float, rng: np.random.Generator) -> None:
    """Covers the highest, flattest, most northern ground, in place."""
    drift = gaussian_random_field(ground.grid.shape, 2.4, rng)
    if share <= 0:
        return
    north = np.cos(ground.terrain.aspect)
    score = ground.terrain.elevation + 90.0 * north - 4.0 * ground.terrain.slope + 60.0 * drift
    least = np.quantile(score, 1.0 - share)
    cover = np.clip((score - least) / 25.0, 0.0, 1.0)[..., np.newaxis]
    # Snow lies on the highest ground only; a low site has none.
    cover *= np.clip((ground.terrain.elevation - 2600.0) / 100.0, 0.0, 1.0)[..., np.newaxis]
    snow = np.array([0.80, 0.80, 0.78, 0.76, 0.72])
    surface[...] = surface * (1.0 - cover) + snow * cover


def _observed_shares(sightings: Sequence[Sighting], usable: NDArray[np.bool_], grid: Grid) -> list[float]:
    if not sightings:
        return []
    numbers = rasterize(
        [(one.polygon, position + 1) for position, one in enumerate(sightings)],
        out_shape=grid.shape, transform=grid.transform, all_touched=True, dtype="uint16",
    )  # fmt: skip
    count = np.bincount(numbers.ravel(), minlength=len(sightings) + 1)[1:]
    seen = np.bincount(numbers.ravel(), weights=usable.ravel(), minlength=len(sightings) + 1)[1:]
    return [float(share) for share in np.where(count > 0, seen / np.maximum(count, 1), 1.0)]


def _lookalikes(cover: NDArray[np.uint8], grid: Grid, inside: Polygon, history: History) -> list[Polygon]:
    """Bare ground of a landslide's area that is none: what a mapper may be fooled by."""
    bare = np.isin(cover, (Cover.SCREE, Cover.BARE_TERRACE))
    bare = ndimage.binary_opening(bare)
    slid = [one.polygon for sightings in history.years.values() for one in sightings]
    if slid:
        bare &= rasterize(slid, out_shape=grid.shape, transform=grid.transform, dtype="uint8") == 0
    found = [shape(geometry) for geometry, _ in shapes(bare.astype(np.uint8), mask=bare, transform=grid.transform)]
    return [one for one in found if 400.0 < one.area < 12_000.0 and inside.contains(box(*one.bounds))]


def _deliver(folder: Path, name: SiteName, year: int, scene: _Scene, grid: Grid) -> tuple[Acquisition, ...]:
    conditions = conditions_of(year)
    acquisitions = []
    for number, tile in enumerate(cut_tiles(grid.shape, MARGIN, conditions.lost_corner), start=1):
        window = np.s_[:, tile.first_col : tile.last_col]
        stored = np.where(tile.imaged[..., np.newaxis], scene.stored[window], 0).astype(np.uint16)
        unusable = np.where(tile.imaged, scene.clouded[window] * np.uint8(2), 1).astype(np.uint8)
        stem = Path(name) / "acquisitions" / str(year) / f"{conditions.acquired:%Y%m%d}_tile{number}"
        place = grid.crop(Window(tile.first_col, 0, tile.last_col - tile.first_col, grid.rows))
        delivery.write_tile(folder / stem, stored, unusable, place, conditions)
        acquisitions.append(
            Acquisition(
                scene=Path(f"{stem}_Analytic_SR.tif"),
                usable_data_mask=Path(f"{stem}_udm.tif"),
                metadata=Path(f"{stem}_metadata.json"),
            )
        )
    return tuple(acquisitions)
