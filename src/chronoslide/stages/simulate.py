"""`chronoslide simulate`: makes the default data, the folder that `data.dvc` versions."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from chronoslide.files import replacing
from chronoslide.params import read_settings
from chronoslide.simulate.dataset import simulate_dataset


def run(root: Path) -> None:
    """Writes `data/` anew, whole or not at all; the same settings and seed give the same bytes."""
    settings = read_settings(root / "params.yaml")
    with (
        replacing(root / "data") as folder,
        tqdm(desc="simulate", unit=" steps", bar_format="{desc}: {n} steps [{elapsed}] {postfix}") as bar,
    ):

        def tell(step: str) -> None:
            bar.set_postfix_str(step, refresh=False)
            bar.update()

        simulate_dataset(folder, settings.simulate, settings.seed, tell)
