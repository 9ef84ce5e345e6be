"""`chronoslide track`: the yearly inventories as one inventory through time, with identities and states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from chronoslide.dataset import DESCRIPTION, Dataset, read_dataset
from chronoslide.errors import DataError
from chronoslide.files import replacing, write_json
from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.ground import Ground
from chronoslide.inventories.multitemporal.reading import YearlyInventories, read_inventories
from chronoslide.inventories.multitemporal.subtraction import subtract
from chronoslide.inventories.multitemporal.tracked_layers import TrackedInventory
from chronoslide.inventories.multitemporal.tracked_writer import write_tracked
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.inventories.multitemporal.transitions import transitions
from chronoslide.labels import rasterise
from chronoslide.manual_inventories import file_of, read_inventory
from chronoslide.params import Settings, read_settings
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import stage_run


def run(root: Path) -> None:
    """Writes `results/tracked/`: predicted and manual inventory through time, their balances, and rasters of change.

    Raises:
        DataError: The yearly inventories were not made yet, or none is described.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    years = dataset.sites["investigation"].years
    sources = {
        "predicted": read_inventories([root / "results/inventories/predicted.gpkg"]),
        "manual": _manual(root / "data", dataset),
    }
    dates = {number: year.date for number, year in years.items()}
    ground = {year: _ground(root, year) for year in tqdm(sorted(years), desc="track: scenes", unit=" years")}
    with stage_run(root, "track", settings) as run, replacing(root / "results/tracked") as folder:
        folder.mkdir()
        balances, states, changes = [], [], []
        summary: dict[str, dict[str, Any]] = {}
        for kind, inventories in sources.items():
            with tqdm(desc=f"track: {kind}", total=len(inventories.polygons), unit=" years") as bar:
                tracked = track_inventories(
                    inventories.polygons,
                    settings.track,
                    dates=dates,
                    ground=ground,
                    names={year: f"the {kind} inventory of {year}" for year in inventories.polygons},
                    progress=lambda _, bar=bar: bar.update(),  # type: ignore[misc]
                )
            write_tracked(folder / f"{kind}.gpkg", tracked)
            balances.append(balance(tracked).assign(inventory=kind))
            states.append(_states(tracked).assign(inventory=kind))
            changes.append(transitions(tracked).assign(inventory=kind))
            summary[kind] = {
                "identities": len(tracked.landslides),
                "polygons": sum(int(stock["mapped"].sum()) for stock in tracked.years.values()),
                "notes": list(tracked.notes),
            }
            run.log_metrics({f"{kind}.{name}": summary[kind][name] for name in ("identities", "polygons")})
            if kind == "predicted":
                _write_change(folder / "change", tracked, ground, settings)
        table = pd.concat(balances)
        table.round(2).to_csv(folder / "balance.csv", index=False, lineterminator="\n")
        pd.concat(states).to_csv(folder / "states.csv", index=False, lineterminator="\n")
        pd.concat(changes).to_csv(folder / "transitions.csv", index=False, lineterminator="\n")
        write_json(folder / "summary.json", summary)
        for row in table[table["inventory"] == "predicted"].to_dict("records"):
            counts = {str(name): row[name] for name in ("stock", "new", "reactivated", "healed")}
            run.log_metrics(counts, int(row["year"]))
        run.log_files([folder / "balance.csv"])


def _manual(data: Path, dataset: Dataset) -> YearlyInventories:
    """The described inventories of the area that is mapped, in the data set's coordinate reference system."""
    result = YearlyInventories({}, {})
    for year, delivered in sorted(dataset.sites["investigation"].years.items()):
        if delivered.inventory is not None:
            result.polygons[year] = read_inventory(data, delivered.inventory, year).to_crs(dataset.crs)
            result.names[year] = str(data / file_of(delivered.inventory))
    if not result.polygons:
        raise DataError(f"{data / DESCRIPTION}: the investigation area has no inventory of any year; add one")
    return result


def _ground(root: Path, year: int) -> Ground:
    return Ground.of_scene(read_scene(root / f"results/scenes/investigation/{year}.tif"))


def _states(tracked: TrackedInventory) -> pd.DataFrame:
    """How many landslides were in which state in each year: `year`, `state`, `landslides`."""
    counts = [
        stock["state"].value_counts().rename("landslides").rename_axis("state").reset_index().assign(year=year)
        for year, stock in tracked.years.items()
    ]
    table: pd.DataFrame = pd.concat(counts)[["year", "state", "landslides"]]
    return table.sort_values(["year", "state"])


def _write_change(folder: Path, tracked: TrackedInventory, ground: dict[int, Ground], settings: Settings) -> None:
    """The raster view: what appeared (1) and what went (-1) between neighbouring years."""
    before = None
    for year, stock in tracked.years.items():
        here = ground[year]
        labels = rasterise(
            stock[stock["mapped"]], here.grid, here.observed, all_touched=False, what=f"the inventory of {year}"
        )
        if before is not None:
            change = subtract(before, labels, here.grid, settings.track.subtraction)
            write_raster(folder / f"{year}.tif", change, here.grid, bands=["change"], overviews="nearest")
        before = labels
