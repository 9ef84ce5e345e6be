"""The review of a predicted inventory by people: what to look at first, and what becomes of their decisions.

Stands between a predicted inventory and the next training: `prepare_review` makes the table that a reviewer fills in
(in QGIS or anywhere else), `apply_review` takes it back, keeps who changed what, and turns it into training polygons.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from chronoslide.errors import InventoryError, nearest
from chronoslide.inventories.usable import require_one_crs, usable
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.vectors import repair_polygons

ACCEPT, REJECT, EDITED, UNDECIDED, ADDED = "accept", "reject", "edited", "", "added"

REVIEW_COLUMNS: Final = {
    "rank": "order in which to look at the polygons: 1 has the largest area x uncertainty",
    "feature": "position of the polygon in the inventory, from 0; do not change; empty on a polygon that you add",
    "area_m2": "area in the inventory [m2]",
    "uncertainty": "mean entropy of the pixels inside [bit]; 1 where the inventory tells none",
    "priority": "area x uncertainty [m2 bit]",
    "decision": "yours: accept, reject, edited (you moved the outline) or empty (not decided)",
    "reviewer": "your name",
    "note": "anything worth keeping",
    "outline": "fingerprint of the outline in the inventory; do not change",
}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An inventory after its review.

    Attributes:
        inventory: What was not rejected, with the reviewers' outlines and the polygons that they added; the columns of
            the inventory and `decision`, `reviewer`, `note`.
        changes: A row a decision: `feature` (position in the inventory before, -1 for an added one), `decision`,
            `reviewer`, `note`, `area_before_m2`, `area_after_m2`.
        training: Polygons with `label`: 1 landslide (accepted, edited, added), 0 background (rejected), 255 unknown
            (not decided, not to be learnt from), and `decision`, `reviewer`.
        notes: One sentence for each thing that was repaired or read otherwise than it was written.
    """

    inventory: gpd.GeoDataFrame
    changes: pd.DataFrame
    training: gpd.GeoDataFrame
    notes: tuple[str, ...]


def prepare_review(inventory: gpd.GeoDataFrame, what: str = "the inventory") -> gpd.GeoDataFrame:
    """The table that a reviewer fills in: polygons ordered by area x uncertainty, the largest first.

    Args:
        inventory: Polygons in a projected system in metres; `uncertainty` orders them, if the column is there.
        what: Names the inventory in errors.

    Returns:
        A row a polygon; columns in `REVIEW_COLUMNS`.

    Raises:
        GridError: The coordinate reference system is missing or not in metres.
        InventoryError: The inventory holds points or lines.
    """
    polygons = usable(inventory.reset_index(drop=True), what).polygons
    geometry = polygons.geometry.to_numpy()
    area = shapely.area(geometry)
    told = polygons["uncertainty"] if "uncertainty" in polygons else pd.Series(np.nan, index=polygons.index)
    uncertainty = pd.to_numeric(told).fillna(1.0).to_numpy(dtype=np.float64)
    priority = np.round(area * uncertainty, 3)
    order = np.lexsort((polygons.index.to_numpy(), -priority))
    # The fingerprint is that of the outline as delivered: applying starts from the same file.
    delivered = inventory.geometry.to_numpy()[polygons.index.to_numpy()[order]]
    return gpd.GeoDataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "feature": polygons.index.to_numpy()[order].astype(np.int64),
            "area_m2": np.round(area[order], 3),
            "uncertainty": np.round(uncertainty[order], 6),
            "priority": priority[order],
            "decision": UNDECIDED,
            "reviewer": "",
            "note": "",
            "outline": _fingerprints(delivered),
        },
        geometry=geometry[order],
        crs=inventory.crs,
    )


def apply_review(package: gpd.GeoDataFrame, inventory: gpd.GeoDataFrame) -> Reviewed:
    """Takes a review back into the inventory that it was made from.

    An outline that was moved counts as edited, whatever the decision says, unless it is rejected; a polygon without
    `feature` counts as added.

    Args:
        package: What `prepare_review` made and people filled in.
        inventory: The inventory that it was made from, unchanged.

    Raises:
        GridError: The two coordinate reference systems differ.
        InventoryError: A column is missing, a decision is unknown or not signed, a polygon was deleted or stands
            twice, or the package belongs to another inventory.
    """
    require_one_crs({"the review package": package, "the inventory": inventory})
    package = _checked(package)
    inventory = inventory.reset_index(drop=True)
    own = package[package["feature"] >= 0]
    original = inventory.geometry.to_numpy()
    _require_same_inventory(own, original)

    repair = repair_polygons(package, "the review package")
    notes = [f"outline of row {place + 1} made valid" for place in np.flatnonzero(package.index.isin(repair.repaired))]
    outlined = package.index.isin(repair.polygons.index)
    empty = np.flatnonzero(~outlined & (package["decision"] != REJECT).to_numpy())
    if len(empty):
        raise InventoryError(f"review package, row {empty[0] + 1}: no outline; draw one, or set its decision to reject")
    package = package.set_geometry(repair.polygons.geometry.reindex(package.index))
    moved = np.zeros(len(package), dtype=bool)
    rows = own.index.to_numpy()
    # A repair of ours is no edit of theirs: `prepare_review` had already repaired the outlines it handed out.
    handed = gpd.GeoDataFrame(geometry=original[own["feature"].to_numpy()], index=rows, crs=inventory.crs)
    handed_out = repair_polygons(handed, "the inventory").polygons.geometry.reindex(rows).to_numpy()
    moved[rows] = _fingerprints(package.geometry.to_numpy()[rows]) != _fingerprints(handed_out)
    decision = package["decision"].to_numpy(dtype=object).copy()
    for place in np.flatnonzero(moved & np.isin(decision, [ACCEPT, UNDECIDED])):
        notes.append(f"row {place + 1}: its outline was moved, so it counts as edited")
        decision[place] = EDITED
    decision[(package["feature"] < 0).to_numpy() & (decision != REJECT)] = ADDED
    unsigned = np.flatnonzero((decision != UNDECIDED) & (package["reviewer"].to_numpy() == ""))
    if len(unsigned):
        raise InventoryError(
            f"review package, row {unsigned[0] + 1}: {decision[unsigned[0]]!r} without a reviewer; fill in who decided"
        )
    package = package.assign(decision=decision)
    return Reviewed(
        inventory=_reviewed_inventory(package, inventory),
        changes=_changes(package, original),
        training=_training(package),
        notes=tuple(notes),
    )


def _checked(package: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The package with text where text belongs, after the refusals that need no inventory."""
    needed = ("feature", "decision", "reviewer", "note", "outline")
    missing = [name for name in needed if name not in package]
    if missing:
        raise InventoryError(f"review package: column {missing[0]!r} is missing; use a package that `review` made")
    package = package.reset_index(drop=True)
    text = {name: package[name].astype(object).fillna("").astype(str).str.strip() for name in needed[1:]}
    text["decision"] = text["decision"].str.lower()
    for place, decision in enumerate(text["decision"]):
        if decision not in (ACCEPT, REJECT, EDITED, UNDECIDED, ADDED):
            raise InventoryError(
                f"review package, row {place + 1}: unknown decision {decision!r}"
                f"{nearest(decision, [ACCEPT, REJECT, EDITED])}; use accept, reject, edited or leave it empty"
            )
    feature = pd.to_numeric(package["feature"], errors="coerce").fillna(-1).astype(np.int64)
    return package.assign(feature=feature, **text)


def _require_same_inventory(own: gpd.GeoDataFrame, original: NDArray[np.object_]) -> None:
    feature = own["feature"]
    if feature.duplicated().any():
        twice = int(feature[feature.duplicated()].iloc[0])
        raise InventoryError(f"review package: feature {twice} stands twice; empty `feature` on the polygon you added")
    with_area = np.flatnonzero(np.nan_to_num(shapely.area(shapely.make_valid(original))) > 0)
    known = feature[feature < len(original)].to_numpy()
    outlines = own["outline"][feature < len(original)].to_numpy(dtype=object)
    if len(known) < len(feature) or (_fingerprints(original[known]) != outlines).any():
        raise InventoryError(
            "review package: it was made from another inventory, or its columns `feature` and `outline` were changed; "
            "apply it to the inventory that it was made from"
        )
    deleted = np.setdiff1d(with_area, known)
    if len(deleted):
        raise InventoryError(
            f"review package: feature {deleted[0]} was deleted; keep it and set its decision to reject, so that the "
            "review tells who decided"
        )


def _reviewed_inventory(package: gpd.GeoDataFrame, inventory: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    kept = package[package["decision"] != REJECT].sort_values("feature", kind="stable")
    kept = pd.concat([kept[kept["feature"] >= 0], kept[kept["feature"] < 0]])  # those that were added come last
    attributes = inventory.drop(columns=inventory.geometry.name).reindex(kept["feature"].where(kept["feature"] >= 0))
    signed = kept[["decision", "reviewer", "note"]].reset_index(drop=True)
    attributes = attributes.reset_index(drop=True).drop(columns=list(signed), errors="ignore")
    return gpd.GeoDataFrame(
        pd.concat([attributes, signed], axis="columns"), geometry=kept.geometry.to_numpy(), crs=inventory.crs
    )


def _changes(package: gpd.GeoDataFrame, original: NDArray[np.object_]) -> pd.DataFrame:
    decided = package[package["decision"] != UNDECIDED].sort_values("feature", kind="stable")
    feature = decided["feature"].to_numpy()
    before = np.where(feature >= 0, shapely.area(shapely.make_valid(original))[feature], 0.0) if len(original) else 0.0
    rejected = (decided["decision"] == REJECT).to_numpy()
    return pd.DataFrame(
        {
            "feature": feature,
            "decision": decided["decision"].to_numpy(),
            "reviewer": decided["reviewer"].to_numpy(),
            "note": decided["note"].to_numpy(),
            "area_before_m2": before,
            "area_after_m2": np.where(rejected, 0.0, shapely.area(decided.geometry.to_numpy())),
        }
    )


def _training(package: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    label = {ACCEPT: LANDSLIDE, EDITED: LANDSLIDE, ADDED: LANDSLIDE, REJECT: BACKGROUND, UNDECIDED: UNOBSERVED}
    with_outline = package[~shapely.is_missing(package.geometry.to_numpy())]
    return gpd.GeoDataFrame(
        {
            "label": with_outline["decision"].map(label).astype(np.int64).to_numpy(),
            "decision": with_outline["decision"].to_numpy(),
            "reviewer": with_outline["reviewer"].to_numpy(),
        },
        geometry=with_outline.geometry.to_numpy(),
        crs=package.crs,
    )


def _fingerprints(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """A short text an outline, the same whether a file keeps it as a Polygon or as a MultiPolygon of one."""
    return np.array([_fingerprint(outline) for outline in geometry], dtype=object)


def _fingerprint(outline: shapely.Geometry | None) -> str:
    if outline is None:
        return ""
    parts = shapely.get_parts(shapely.force_2d(outline))
    one = parts[0] if len(parts) == 1 else outline
    return hashlib.sha256(shapely.to_wkb(shapely.normalize(shapely.force_2d(one)))).hexdigest()[:16]
