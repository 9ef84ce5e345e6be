"""`chronoslide review prepare|apply`: a person looks at the most doubtful polygons first, and what they say is kept."""

from __future__ import annotations

from pathlib import Path

from chronoslide.files import write_text
from chronoslide.inventories.review.decisions import apply_review, prepare_review
from chronoslide.inventories.review.package import read_review, write_review
from chronoslide.vectors import read_polygons, write_geopackage


def prepare(inventory: Path, layer: str | None, output: Path) -> None:
    """Writes the polygons of an inventory, the largest and most doubtful first, for review in QGIS.

    Raises:
        ChronoslideError: The inventory is missing, or holds no polygons in metres.
    """
    polygons = read_polygons(inventory, layer)
    write_review(output, prepare_review(polygons, str(inventory)))
    print(f"{len(polygons)} polygons to review: {output}; fill in decision (accept, reject, edited), reviewer, note")


def apply(package: Path, inventory: Path, layer: str | None, output: Path) -> None:
    """Writes the reviewed inventory, the training polygons that follow from it, and who changed what.

    `output` gets the layers `inventory` and `training`; the changes stand beside it as CSV.

    Raises:
        ChronoslideError: A file is missing, or the package does not belong to the inventory.
    """
    reviewed = apply_review(read_review(package), read_polygons(inventory, layer))
    write_geopackage(output, {"inventory": reviewed.inventory, "training": reviewed.training})
    changes = output.with_suffix(".changes.csv")
    write_text(changes, reviewed.changes.to_csv(index=False, lineterminator="\n"))
    for note in reviewed.notes:
        print(note)
    print(
        f"{len(reviewed.changes)} decisions; the inventory and the training polygons: {output}; the changes: {changes}"
    )
