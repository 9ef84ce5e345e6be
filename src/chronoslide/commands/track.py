"""`chronoslide track INVENTORY ... -o TRACKED.gpkg`: anybody's yearly inventories as one inventory through time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from chronoslide.commands.settings import own_settings
from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.reading import read_inventories
from chronoslide.inventories.multitemporal.tracked_writer import write_tracked
from chronoslide.inventories.multitemporal.tracking import track_inventories


def run(root: Path, paths: Sequence[Path], output: Path, year_column: str | None = None) -> None:
    """Writes the tracked inventory as one GeoPackage, and prints what was repaired and the balance of the stock.

    Args:
        root: Where `params.yaml` is, if there is one.
        paths: A file a year with the year in its name, or files with a layer a year, or with a column of years.
        output: A GeoPackage.
        year_column: The column that holds the year of each polygon.

    Raises:
        ChronoslideError: A file is missing, not polygons in metres, or of a year that comes twice.
    """
    inventories = read_inventories(paths, year_column)
    with tqdm(desc="track", total=len(inventories.polygons), unit=" years") as bar:

        def advance(_: int) -> None:
            bar.update()

        tracked = track_inventories(
            inventories.polygons, own_settings(root).track, names=inventories.names, progress=advance
        )
    write_tracked(output, tracked)
    for note in tracked.notes:
        print(note)
    columns = ["year", "stock", "new", "reactivated", "split_off", "healed", "merged_away"]
    print(balance(tracked)[columns].to_string(index=False))
    print(f"{len(tracked.landslides)} landslides through {len(tracked.years)} years: {output}")
