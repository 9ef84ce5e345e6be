"""A manual and a predicted inventory of the same ground held against each other, landslide by landslide.

Reads polygons, not pixels: which landslides were found, how well their outlines fit, and what was broken up or run
together. Whole and by class of area. The first inventory is the reference (manual), the second is judged (predicted).

Every undefined figure is NaN, and `Figures.reasons` says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from chronoslide.inventories.comparison.polis import polis_distances
from chronoslide.inventories.matching import Overlaps, assign, dissolved, find_overlaps, largest_partner
from chronoslide.inventories.usable import Usable, usable_pair
from chronoslide.params import CompareSettings


@dataclass(frozen=True, slots=True)
class OneToOne:
    """One-to-one matches at a threshold of intersection over union.

    Attributes:
        above_iou: The threshold.
        matches: Pairs.
        precision: Matches / predicted landslides.
        recall: Matches / manual landslides.
        f1: Their harmonic mean, which is also the recognition quality.
        segmentation_quality: Mean intersection over union of the matches.
        recognition_quality: As `f1` (Kirillov et al. 2019).
        panoptic_quality: Segmentation quality times recognition quality; 0 without matches.
    """

    above_iou: float
    matches: int
    precision: float
    recall: float
    f1: float
    segmentation_quality: float
    recognition_quality: float
    panoptic_quality: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What two inventories, or one class of area of them, have in common.

    Attributes:
        manual_number: Landslides of the manual inventory.
        predicted_number: Landslides of the predicted inventory.
        manual_hit: Manual landslides that a predicted one hits.
        predicted_hit: Predicted landslides that hit a manual one.
        detection_rate: Share of the manual landslides that are hit.
        correct_rate: Share of the predicted landslides that hit.
        one_to_one: Matches at each threshold of intersection over union, the main one first.
        over_segmentation: Mean 1 - intersection / manual area of the pairs that hit (Clinton et al. 2010).
        under_segmentation: Mean 1 - intersection / predicted area of the same pairs.
        segmentation_distance: Mean root of half the sum of their squares, pair by pair.
        fragmentation: Predicted landslides per manual one that is hit.
        merging: Manual landslides per predicted one that hits.
        area_precision: Share of the predicted ground that is manual landslide too.
        area_recall: Share of the manual ground that is predicted landslide too.
        area_f1: Their harmonic mean.
        mapping_error: (union - intersection) / union of the two inventories' ground (Carrara et al. 1992).
        tolerant_f1: As `area_f1`, with errors nearer to the other inventory than the tolerance forgiven.
        polis_mean_m: Mean PoLiS distance of the matches at the main threshold.
        polis_median_m: Its median.
        reasons: Why a figure is NaN, by name.
    """

    manual_number: int
    predicted_number: int
    manual_hit: int
    predicted_hit: int
    detection_rate: float
    correct_rate: float
    one_to_one: tuple[OneToOne, ...]
    over_segmentation: float
    under_segmentation: float
    segmentation_distance: float
    fragmentation: float
    merging: float
    area_precision: float
    area_recall: float
    area_f1: float
    mapping_error: float
    tolerant_f1: float
    polis_mean_m: float
    polis_median_m: float
    reasons: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For a metrics file; the thresholds of the matches become names such as `iou_above_0.5`."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "one_to_one"}
        for match in self.one_to_one:
            values = {field.name: getattr(match, field.name) for field in fields(match) if field.name != "above_iou"}
            plain[f"iou_above_{match.above_iou:g}"] = values
        return plain


@dataclass(frozen=True, slots=True)
class SizeAgreement:
    """Areas of manual landslides against those predicted for them (the paper's Figure 8).

    Attributes:
        table: A row a manual landslide that is hit: `manual` (its index), `manual_area_m2`, `predicted_area_m2` (the
            sum of the predicted landslides that share most ground with it), `predicted_number`.
        pearson_r: Of the log10 areas; NaN below three rows or for equal areas.
        slope: Least-squares slope of log10 predicted on log10 manual area.
        bias: Mean log10 predicted - log10 manual area; 0.3 means twice as large.
        manual_unmatched: Manual landslides without a predicted one.
        predicted_unmatched: Predicted landslides without a manual one.
    """

    table: pd.DataFrame
    pearson_r: float
    slope: float
    bias: float
    manual_unmatched: int
    predicted_unmatched: int

    def as_dict(self) -> dict[str, float]:
        """For a metrics file: all but the table."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "table"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is known of two inventories against each other.

    Attributes:
        figures: Of the whole inventories.
        classes: Of the classes of area, by name. A predicted landslide stands in the class of the manual one that it
            matches or else shares most ground with, and in that of its own area if it hits none.
        sizes: The paper's Figure 8.
        pairs: A row a pair that hits: `manual`, `predicted` (index), `manual_area_m2`, `predicted_area_m2`,
            `intersection_m2`, `iou`, `matched` (one to one at the main threshold), `polis_m` (NaN if not matched),
            `x` and `y` (centroid of the manual landslide, m).
        manual: A row a manual landslide: `x`, `y` (centroid, m), `area_m2`, `hits` (predicted landslides that hit it).
        predicted: The same of the predicted landslides.
        preparation: What was repaired, dropped, cut and left out of each inventory.
    """

    figures: Figures
    classes: dict[str, Figures]
    sizes: SizeAgreement
    pairs: pd.DataFrame
    manual: pd.DataFrame
    predicted: pd.DataFrame
    preparation: dict[str, dict[str, int]]

    def as_dict(self) -> dict[str, Any]:
        """For a metrics file: all but the tables."""
        return {
            **self.figures.as_dict(),
            "area_classes": {name: figures.as_dict() for name, figures in self.classes.items()},
            "sizes": self.sizes.as_dict(),
            "preparation": self.preparation,
        }


def compare_inventories(
    manual: gpd.GeoDataFrame,
    predicted: gpd.GeoDataFrame,
    valid_area: shapely.Geometry | None = None,
    settings: CompareSettings | None = None,
) -> Comparison:
    """Compares a predicted inventory with a manual one.

    Args:
        manual: Polygons in a projected system in metres; the reference.
        predicted: Polygons in the same system.
        valid_area: Ground that both inventories mapped; both are clipped to it. None compares them as they are.
        settings: Thresholds and classes; None takes the defaults.

    Raises:
        GridError: The two systems differ, or are missing or not in metres.
        InventoryError: An inventory holds points or lines.
    """
    return compare_usable(*usable_pair(manual, predicted, valid_area), settings or CompareSettings())


def compare_usable(first: Usable, second: Usable, settings: CompareSettings) -> Comparison:
    """The same of a manual and a predicted inventory that were made usable already."""
    geometries = first.outlines, second.outlines
    overlaps = find_overlaps(*geometries)
    hits = overlaps.where(overlaps.share_of_smaller >= settings.hit_overlap)
    matches = {threshold: assign(overlaps, threshold) for threshold in settings.match_iou}
    main = matches[settings.match_iou[0]]
    distances = polis_distances(geometries[0][main.first], geometries[1][main.second])
    evidence = _Evidence(geometries, hits, matches, distances, settings)

    classes = _area_classes(settings.area_classes_m2)
    own = [_class_of(areas, settings.area_classes_m2) for areas in (overlaps.first_areas_m2, overlaps.second_areas_m2)]
    partner = largest_partner(hits)
    own[1][partner.second] = own[0][partner.first]
    return Comparison(
        figures=evidence.figures(None, None),
        classes={name: evidence.figures(own[0] == k, own[1] == k) for k, name in enumerate(classes)},
        sizes=_size_agreement(first, hits, partner),
        pairs=_pair_table(first, second, hits, main, distances),
        manual=_landslide_table(first, hits.first),
        predicted=_landslide_table(second, hits.second),
        preparation={"manual": first.as_dict(), "predicted": second.as_dict()},
    )


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What was found once, and from which the figures of any class follow."""

    geometries: tuple[NDArray[np.object_], NDArray[np.object_]]
    hits: Overlaps
    matches: dict[float, Overlaps]
    polis_m: NDArray[np.float64]
    settings: CompareSettings

    def figures(self, manual: NDArray[np.bool_] | None, predicted: NDArray[np.bool_] | None) -> Figures:
        """The figures of the manual and predicted landslides that a class picks; None picks all."""
        manual = np.ones(len(self.geometries[0]), dtype=bool) if manual is None else manual
        predicted = np.ones(len(self.geometries[1]), dtype=bool) if predicted is None else predicted
        pairs = self.hits.where(manual[self.hits.first])
        of_predicted = self.hits.where(predicted[self.hits.second])
        manual_hit, predicted_hit = len(np.unique(pairs.first)), len(np.unique(of_predicted.second))
        over = 1.0 - pairs.intersection_m2 / pairs.first_areas_m2[pairs.first]
        under = 1.0 - pairs.intersection_m2 / pairs.second_areas_m2[pairs.second]
        ground = _ground(
            self.geometries[0][manual], self.geometries[1][predicted], self.settings.boundary_tolerance_metres
        )
        polis = self.polis_m[manual[self.matches[self.settings.match_iou[0]].first]]
        values: dict[str, float] = {
            "detection_rate": _ratio(manual_hit, manual.sum()),
            "correct_rate": _ratio(predicted_hit, predicted.sum()),
            "over_segmentation": _mean(over),
            "under_segmentation": _mean(under),
            "segmentation_distance": _mean(np.sqrt((over**2 + under**2) / 2.0)),
            "fragmentation": _ratio(len(pairs.first), manual_hit),
            "merging": _ratio(len(of_predicted.second), predicted_hit),
            **ground,
            "polis_mean_m": _mean(polis),
            "polis_median_m": float(np.median(polis)) if len(polis) else math.nan,
        }
        one_to_one = tuple(self._one_to_one(threshold, manual, predicted) for threshold in self.settings.match_iou)
        return Figures(
            manual_number=int(manual.sum()),
            predicted_number=int(predicted.sum()),
            manual_hit=manual_hit,
            predicted_hit=predicted_hit,
            one_to_one=one_to_one,
            reasons={name: _REASONS[name] for name, value in values.items() if math.isnan(value)},
            **values,
        )

    def _one_to_one(self, threshold: float, manual: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> OneToOne:
        """Matches whose manual landslide is in the class; their predicted one joins the class, whatever its area."""
        matches = self.matches[threshold]
        inside = manual[matches.first]
        number = int(inside.sum())
        judged = predicted.copy()
        judged[matches.second] = inside
        precision, recall = _ratio(number, judged.sum()), _ratio(number, manual.sum())
        f1 = _ratio(2 * number, judged.sum() + manual.sum())
        quality = _mean(matches.iou[inside])
        panoptic = f1 * quality if number else f1 * 0.0  # no match: 0 where there was anything to match, else undefined
        return OneToOne(threshold, number, precision, recall, f1, quality, f1, panoptic)


_NO_MANUAL, _NO_PREDICTED, _NO_PAIR = "no manual landslide", "no predicted landslide", "no landslides that hit"
_REASONS = {
    "detection_rate": _NO_MANUAL,
    "correct_rate": _NO_PREDICTED,
    "over_segmentation": _NO_PAIR,
    "under_segmentation": _NO_PAIR,
    "segmentation_distance": _NO_PAIR,
    "fragmentation": _NO_PAIR,
    "merging": _NO_PAIR,
    "area_precision": _NO_PREDICTED,
    "area_recall": _NO_MANUAL,
    "area_f1": "no landslide in either inventory",
    "mapping_error": "no landslide in either inventory",
    "tolerant_f1": "no landslide in either inventory",
    "polis_mean_m": "no one-to-one match",
    "polis_median_m": "no one-to-one match",
}


def _ground(manual: NDArray[np.object_], predicted: NDArray[np.object_], tolerance: float) -> dict[str, float]:
    """Figures of the ground under the landslides, however it is divided among them."""
    first, second = dissolved(manual), dissolved(predicted)
    areas = float(shapely.area(first).sum()), float(shapely.area(second).sum())
    shared = _shared_m2(first, second)
    united = sum(areas) - shared
    near_first = _shared_m2(dissolved(shapely.buffer(first, tolerance)), second)
    near_second = _shared_m2(first, dissolved(shapely.buffer(second, tolerance)))
    precise, complete = _ratio(near_first, areas[1]), _ratio(near_second, areas[0])
    if areas[0] and areas[1]:
        tolerant = _ratio(2 * precise * complete, precise + complete) if precise + complete else 0.0
    else:
        tolerant = 0.0 if sum(areas) else math.nan
    return {
        "area_precision": _ratio(shared, areas[1]),
        "area_recall": _ratio(shared, areas[0]),
        "area_f1": _ratio(2 * shared, sum(areas)),
        "mapping_error": _ratio(united - shared, united),
        "tolerant_f1": tolerant,
    }


def _shared_m2(first: NDArray[np.object_], second: NDArray[np.object_]) -> float:
    """Ground that two sets of disjoint polygons share; pair by pair, which stays fast for large inventories."""
    return float(find_overlaps(first, second).intersection_m2.sum())


def _size_agreement(manual: Usable, hits: Overlaps, partner: Overlaps) -> SizeAgreement:
    total = np.bincount(
        partner.first, weights=partner.second_areas_m2[partner.second], minlength=len(partner.first_areas_m2)
    )
    number = np.bincount(partner.first, minlength=len(partner.first_areas_m2))
    found = np.flatnonzero(number)
    table = pd.DataFrame(
        {
            "manual": manual.polygons.index[found],
            "manual_area_m2": partner.first_areas_m2[found],
            "predicted_area_m2": total[found],
            "predicted_number": number[found],
        }
    )
    x, y = np.log10(partner.first_areas_m2[found]), np.log10(total[found])
    defined = len(found) >= 3 and x.std() > 0 and y.std() > 0
    return SizeAgreement(
        table=table,
        pearson_r=float(np.corrcoef(x, y)[0, 1]) if defined else math.nan,
        slope=float(np.cov(x, y)[0, 1] / x.var(ddof=1)) if defined else math.nan,
        bias=_mean(y - x),
        manual_unmatched=len(partner.first_areas_m2) - len(found),
        predicted_unmatched=len(partner.second_areas_m2) - len(np.unique(hits.second)),
    )


def _pair_table(
    manual: Usable, predicted: Usable, hits: Overlaps, main: Overlaps, polis_m: NDArray[np.float64]
) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "manual": manual.polygons.index[hits.first],
            "predicted": predicted.polygons.index[hits.second],
            "manual_area_m2": hits.first_areas_m2[hits.first],
            "predicted_area_m2": hits.second_areas_m2[hits.second],
            "intersection_m2": hits.intersection_m2,
            "iou": hits.iou,
        }
    )
    distance = dict(zip(map(tuple, _positions(main)), polis_m, strict=True))
    table["polis_m"] = [distance.get((i, j), math.nan) for i, j in _positions(hits)]
    table.insert(6, "matched", table["polis_m"].notna())
    centroids = shapely.centroid(manual.polygons.geometry.to_numpy()[hits.first])
    return table.assign(x=shapely.get_x(centroids), y=shapely.get_y(centroids))


def _landslide_table(inventory: Usable, hit: NDArray[np.intp]) -> pd.DataFrame:
    geometry = inventory.polygons.geometry.to_numpy()
    centroids = shapely.centroid(geometry)
    return pd.DataFrame(
        {
            "x": shapely.get_x(centroids),
            "y": shapely.get_y(centroids),
            "area_m2": shapely.area(geometry),
            "hits": np.bincount(hit, minlength=len(geometry)),
        },
        index=inventory.polygons.index,
    )


def _positions(pairs: Overlaps) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def _area_classes(borders: tuple[float, ...]) -> list[str]:
    """Names such as `below_1000_m2`, `1000_to_10000_m2`, `from_10000_m2`."""
    if not borders:
        return ["all"]
    between = [f"{low:g}_to_{high:g}_m2" for low, high in pairwise(borders)]
    return [f"below_{borders[0]:g}_m2", *between, f"from_{borders[-1]:g}_m2"]


def _class_of(areas: NDArray[np.float64], borders: tuple[float, ...]) -> NDArray[np.intp]:
    return np.asarray(np.searchsorted(np.asarray(borders), areas, side="right"), dtype=np.intp)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else math.nan
