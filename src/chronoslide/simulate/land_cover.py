"""What covers the ground: forests, fields in terraces, rock, scree, river, roads and houses, and their reflectance.

Much of it looks like a landslide to a threshold on a vegetation index: bare terraces, river bars, scree and gullies,
rock, roads, stubble.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.simulate.fields import FloatArray, gaussian_random_field, hashed_uniform
from chronoslide.simulate.plan import RESOLUTION_METRES
from chronoslide.simulate.terrain import Terrain


class Cover(IntEnum):
    """Classes of land cover."""

    FOREST = 0
    CONIFER = 1
    SHRUB = 2
    GRASS = 3
    CROP = 4
    STUBBLE = 5
    BARE_TERRACE = 6
    ROCK = 7
    SCREE = 8
    RIVER_BAR = 9
    WATER = 10
    SNOW = 11
    ROAD = 12
    SETTLEMENT = 13


# Reflectance in blue, green, red, red edge and near infrared, in the order of `Cover`.
REFLECTANCE = np.array(
    [
        [0.020, 0.040, 0.025, 0.085, 0.270],
        [0.018, 0.030, 0.022, 0.060, 0.180],
        [0.030, 0.055, 0.050, 0.110, 0.240],
        [0.045, 0.075, 0.095, 0.150, 0.240],
        [0.040, 0.075, 0.070, 0.140, 0.270],
        [0.065, 0.095, 0.125, 0.165, 0.240],
        [0.080, 0.115, 0.155, 0.180, 0.220],
        [0.095, 0.115, 0.130, 0.145, 0.175],
        [0.125, 0.150, 0.170, 0.185, 0.215],
        [0.150, 0.180, 0.200, 0.215, 0.235],
        [0.055, 0.065, 0.045, 0.035, 0.020],
        [0.800, 0.800, 0.780, 0.760, 0.720],
        [0.120, 0.150, 0.180, 0.200, 0.230],
        [0.140, 0.160, 0.170, 0.180, 0.210],
    ]
)
DEBRIS = np.array([0.110, 0.140, 0.165, 0.185, 0.215])
VEGETATED = (Cover.FOREST, Cover.CONIFER, Cover.SHRUB, Cover.GRASS, Cover.CROP, Cover.STUBBLE)

_WOODED = (Cover.FOREST, Cover.CONIFER, Cover.SHRUB)

# Share of the site that a class is to cover; forest takes what is left.
_SHARES = {
    Cover.SHRUB: 0.15, Cover.GRASS: 0.03, Cover.ROCK: 0.04, Cover.SCREE: 0.017, Cover.RIVER_BAR: 0.006,
    Cover.SETTLEMENT: 0.004,
}  # fmt: skip
_FIELDS_SHARE = 0.113
_CONIFER_FROM_METRES = 2300.0
_TERRACE_STEP_METRES = 16.0
_PARCEL_METRES = 55.0


@dataclass(frozen=True, slots=True)
class LandCover:
    """What covers a site, all years alike except the fields; arrays (rows, cols).

    Attributes:
        cover: `Cover` as uint8; fields are CROP.
        parcel: Number of the field parcel, -1 outside fields.
        riser: Share of a pixel that the steps between terraces take.
        road: Share of a pixel under a road.
        water: Share of a pixel under water.
        tone: Brightness of each place, the same every year; 1 on average.
    vigour: How well vegetation does in each place; 0 on average.
    """

    cover: NDArray[np.uint8]
    parcel: NDArray[np.int64]
    riser: FloatArray
    road: FloatArray
    water: FloatArray
    tone: FloatArray
    vigour: FloatArray


def simulate_land_cover(terrain: Terrain, rng: np.random.Generator) -> LandCover:
    """Covers the ground of a site."""
    shape = terrain.elevation.shape

    def patches(exponent: float) -> FloatArray:
        return gaussian_random_field(shape, exponent, rng, smallest_side=512)

    smooth = ndimage.gaussian_filter(terrain.elevation, 6.0)
    curvature = ndimage.gaussian_laplace(terrain.elevation, 4.0)
    curvature = curvature / curvature.std()
    drained = np.log10(terrain.accumulation)
    gathered = np.log10(ndimage.gaussian_filter(np.minimum(terrain.accumulation, 1.0e6), 1.2))
    southern = -np.cos(terrain.aspect) * np.sin(np.radians(terrain.slope))
    cover = np.full(shape, Cover.FOREST, dtype=np.uint8)
    free = np.ones(shape, dtype=bool)

    def take(what: Cover, score: FloatArray, share: float) -> None:
        allowed = free & np.isfinite(score)
        count = min(round(share * score.size), int(allowed.sum()))
        if count:
            least = np.partition(score[allowed], -count)[-count]
            chosen = allowed & (score >= least)
            cover[chosen] = what
            free[chosen] = False

    cover[terrain.elevation + 110.0 * patches(3.0) > _CONIFER_FROM_METRES] = Cover.CONIFER
    water, bank = _river(terrain, patches(2.5))
    free &= water < 0.5
    cover[water >= 0.5] = Cover.WATER
    take(Cover.RIVER_BAR, np.where(bank > 0, bank + 0.45 * patches(2.4), np.nan), _SHARES[Cover.RIVER_BAR])
    # Fields: gentle, warm, low ground in patches around the villages.
    gentle = -terrain.slope / 8.0 - np.maximum(smooth - 1500.0, 0.0) / 350.0 - np.maximum(smooth - 2150.0, 0) / 40.0
    fields = ndimage.gaussian_filter(gentle, 3.0) + 1.3 * patches(3.4) + 0.35 * southern
    fields[(terrain.slope > 37.0) | (drained > 5.2)] = np.nan
    take(Cover.CROP, fields, _FIELDS_SHARE)
    in_fields = cover == Cover.CROP
    # Cliffs, and the scree and gullies below them: narrow, steep, straight down the slope.
    take(Cover.ROCK, terrain.slope / 5.0 + 1.0 * patches(2.6) - 0.5 * curvature + smooth / 900.0, _SHARES[Cover.ROCK])
    below_rock = ndimage.gaussian_filter((cover == Cover.ROCK).astype(float), 7.0)
    gully = np.exp(-(((gathered - 4.0) / 0.5) ** 2)) * np.clip(curvature, 0.0, 2.5)
    scree = gully + 3.0 * below_rock + terrain.slope / 25.0 + 0.7 * patches(3.0) + 0.25 * patches(1.5)
    take(Cover.SCREE, np.where(terrain.slope > 22.0, scree, np.nan), _SHARES[Cover.SCREE])
    take(Cover.GRASS, southern * 2.0 - curvature * 0.5 + patches(3.0) + smooth / 1500.0, _SHARES[Cover.GRASS])
    near_fields = ndimage.gaussian_filter(in_fields.astype(float), 18.0)
    shrub = southern + 3.0 * near_fields + 1.2 * patches(2.8) + 3.0 * below_rock
    take(Cover.SHRUB, shrub, _SHARES[Cover.SHRUB])
    cover = _ragged(cover, patches(1.6), patches(1.6))
    in_fields = cover == Cover.CROP
    _settle(cover, in_fields, rng)
    parcel, riser = _parcels(terrain, smooth, in_fields, patches(3.0), patches(2.8))
    roads = _roads(terrain, smooth, rng)
    wide = patches(2.6)
    texture: FloatArray = np.asarray(np.round(np.exp(0.14 * (0.75 * patches(1.2) + 0.66 * wide)), 6))
    vigour: FloatArray = np.asarray(np.round(np.clip(0.7 * patches(2.2) + 0.5 * patches(1.0), -2.5, 2.5), 6))
    return LandCover(cover, parcel, riser, roads, water, texture, vigour)


def cover_of_year(land: LandCover, year: int, seed: int) -> NDArray[np.uint8]:
    """Land cover with this year's state of each field: standing crop, stubble or bare soil."""
    fields = land.parcel >= 0
    habit = hashed_uniform(land.parcel[fields], seed)
    state = (habit + 0.45 * hashed_uniform(land.parcel[fields], seed, year)) % 1.0
    cover = land.cover.copy()
    is_crop = cover[fields] == Cover.CROP
    kinds = np.select([state < 0.53, state < 0.885], [Cover.CROP, Cover.STUBBLE], Cover.BARE_TERRACE)
    cover[fields] = np.where(is_crop, kinds, cover[fields])
    return cover


def surface_without_landslides(
    land: LandCover, cover: NDArray[np.uint8], greenness: float, seed: int, year: int
) -> NDArray[np.float32]:
    """Reflectance under flat, even light.

    Args:
        land: The site.
        cover: Of this year.
        greenness: Freshness of the vegetation, 0 on average.
        seed: Of the fields' brightness.
        year: Of the fields' brightness.

    Returns:
        (rows, cols, bands).
    """
    table = seasonal(greenness)
    reflectance = table[cover]
    fields = land.parcel >= 0
    plough = 0.82 + 0.36 * hashed_uniform(land.parcel[fields], seed, year, 1)
    reflectance[fields] *= plough[:, np.newaxis]
    houses = cover == Cover.SETTLEMENT
    reflectance[houses] *= (0.6 + 0.9 * hashed_uniform(np.flatnonzero(houses.ravel()), seed))[:, np.newaxis]
    # Stands are seldom pure: shrubs among rocks, clearings among trees, seen as mixtures at 5 m.
    wild = np.isin(cover, (*_WOODED, Cover.GRASS, Cover.ROCK))[..., np.newaxis]
    mixed_stand = np.where(wild, reflectance, 0.0)
    weight = ndimage.gaussian_filter(wild[..., 0].astype(float), 1.3)
    for band in range(reflectance.shape[2]):
        blended = ndimage.gaussian_filter(mixed_stand[..., band], 1.3) / np.maximum(weight, 1e-6)
        reflectance[..., band] = np.where(wild[..., 0], blended, reflectance[..., band])
    bare = cover == Cover.ROCK
    shrubs = np.clip(0.10 + 0.25 * land.vigour, 0.0, 0.75)[bare][:, np.newaxis]
    reflectance[bare] = reflectance[bare] * (1.0 - shrubs) + table[Cover.SHRUB] * shrubs
    green = np.isin(cover, VEGETATED)
    reflectance[green] *= np.exp(land.vigour[green][:, np.newaxis] * np.array([-0.03, 0.02, -0.06, 0.03, 0.07]))
    reflectance *= land.tone[..., np.newaxis]
    for share, kind in ((land.riser, Cover.SHRUB), (land.road, Cover.ROAD), (land.water, Cover.WATER)):
        mixed = share > 0
        part = share[mixed][:, np.newaxis]
        reflectance[mixed] = reflectance[mixed] * (1.0 - part) + table[kind] * part
    return reflectance.astype(np.float32)


def seasonal(greenness: float) -> FloatArray:
    """The table of reflectances at a time of year: fresher vegetation is darker in red and brighter in infrared."""
    table = REFLECTANCE.copy()
    for kind in VEGETATED:
        table[kind] *= 1.0 + greenness * np.array([-0.03, 0.0, -0.08, 0.01, 0.05])
    return table


def _river(terrain: Terrain, wander: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The share of water in each pixel, and a score above 0 where gravel bars may lie."""
    main = terrain.accumulation > 3.0e8
    streams = terrain.accumulation > 2.0e6
    distance = ndimage.distance_transform_edt(~main) * RESOLUTION_METRES if main.any() else np.full(main.shape, np.inf)
    half = 9.0 + 2.5 * np.clip(wander, -1.5, 1.5)
    water = np.clip((half - distance) / RESOLUTION_METRES + 0.5, 0.0, 1.0)
    brooks = ndimage.gaussian_filter(streams.astype(float), 0.6) * 0.6
    water = np.round(np.maximum(water, brooks), 6)
    reach = 45.0 + 25.0 * wander
    near = np.clip(1.0 - distance / np.maximum(reach, 8.0), 0.0, 1.0) * (terrain.slope < 22.0)
    flat = ndimage.gaussian_filter(terrain.slope, 4.0) < 20.0  # a brook lays down gravel only where it runs slowly
    beside_brook = ndimage.gaussian_filter((terrain.accumulation > 2.5e6).astype(float), 1.6) * flat
    return water, np.where(water < 0.5, np.maximum(near, 0.8 * beside_brook), 0.0)


def _parcels(
    terrain: Terrain, smooth: FloatArray, in_fields: NDArray[np.bool_], warp: FloatArray, drift: FloatArray
) -> tuple[NDArray[np.int64], FloatArray]:
    """Numbers the parcels: strips between two contours, cut across at irregular distances."""
    rows, cols = np.indices(terrain.elevation.shape)
    level = (0.5 * smooth + 0.5 * terrain.elevation) / _TERRACE_STEP_METRES + 0.3 * drift
    strip = np.floor(level).astype(np.int64)
    length = _PARCEL_METRES / RESOLUTION_METRES
    jitter = hashed_uniform(strip, 17) * length
    across = np.floor((cols + 9.0 * warp + jitter) / length).astype(np.int64)
    along = np.floor((rows + 9.0 * drift + jitter) / length).astype(np.int64)
    number = (hashed_uniform(strip, across, along) * 2.0**31).astype(np.int64)
    steepness = np.tan(np.radians(np.maximum(terrain.slope, 3.0)))
    # Several walls stand between two contours of a parcel; one wall a third of a step is seen as a dark line.
    metres_to_wall = np.abs((3.0 * level) % 1.0 - 0.5) * _TERRACE_STEP_METRES / 3.0 / steepness
    riser = np.where(in_fields, np.clip(0.75 - metres_to_wall / 7.0, 0.0, 0.6), 0.0)
    return np.where(in_fields, number, -1), np.asarray(np.round(riser, 6))


def _roads(terrain: Terrain, smooth: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Roads that follow the contours above the river, about 8 m wide."""
    fall = np.arange(smooth.shape[0])[:, np.newaxis] * RESOLUTION_METRES * 0.03
    level = ndimage.gaussian_filter(smooth, 4.0) + fall
    gradient = np.maximum(np.hypot(*np.gradient(level, RESOLUTION_METRES)), 0.08)
    floor = (
        np.percentile(level[terrain.valley_distance < 25.0], 50)
        if (terrain.valley_distance < 25.0).any()
        else level.min()
    )
    road = np.zeros(smooth.shape)
    for height in (rng.uniform(70.0, 110.0), rng.uniform(420.0, 560.0)):
        away = np.abs(level - floor - height) / gradient
        line = away < 6.0
        pieces, count = ndimage.label(line, np.ones((3, 3)))
        if not count:
            continue
        sizes = np.bincount(pieces.ravel())
        kept = np.isin(pieces, 1 + np.argsort(-sizes[1:], kind="stable")[:1])
        road = np.maximum(road, np.where(kept, np.clip((6.5 - away) / RESOLUTION_METRES, 0.0, 0.9), 0.0))
    road[terrain.accumulation > 3.0e8] = 0.0
    return np.round(road, 6)


def _ragged(cover: NDArray[np.uint8], down: FloatArray, right: FloatArray) -> NDArray[np.uint8]:
    """Frays the boundaries between classes, as trees and boulders do; the river keeps its bed."""
    rows, cols = np.indices(cover.shape)
    from_row = np.clip(rows + np.rint(1.6 * down).astype(int), 0, cover.shape[0] - 1)
    from_col = np.clip(cols + np.rint(1.6 * right).astype(int), 0, cover.shape[1] - 1)
    frayed = cover[from_row, from_col]
    kept = (cover == Cover.WATER) | (cover == Cover.RIVER_BAR) | (frayed == Cover.WATER) | (frayed == Cover.RIVER_BAR)
    return np.where(kept, cover, frayed).astype(np.uint8)


def _settle(cover: NDArray[np.uint8], in_fields: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Puts villages, clusters of houses of one to six pixels, among the fields, in place."""
    places = np.argwhere(in_fields)
    wanted = round(_SHARES[Cover.SETTLEMENT] * cover.size)
    if not len(places):
        return
    built = 0
    for _ in range(400):
        if built >= wanted:
            break
        centre = places[rng.integers(len(places))]
        houses = int(rng.integers(12, 70))
        offsets = np.round(rng.normal(0.0, 3.0 + houses / 7.0, (houses, 2))).astype(int)
        extents = rng.integers(1, 3, (houses, 2))
        for (row, col), (high, wide) in zip(centre + offsets, extents, strict=True):
            block = np.s_[max(row, 0) : max(row + high, 0), max(col, 0) : max(col + wide, 0)]
            on_field = np.isin(cover[block], (Cover.CROP, Cover.SHRUB))
            cover[block] = np.where(on_field, Cover.SETTLEMENT, cover[block])
            built += int(on_field.sum())
