"""The demo's search against the full grid of its own space: F1 on the test blocks, which the search never saw.

    python -m experiments.search_against_grid [ROOT] [--seeds N]

ROOT is a repository in which `dvc repro tune` has run. Each of the 27 points (three batches, the ends and the middle of
both ranges) and the search's best point is trained exactly as a trial that is not pruned, and judged on the test
patches of the investigation area, at the threshold that suits the validation patches best, as `pretrain` would hand it
on. Each network is written down as soon as it is judged (search/against_grid.jsonl), so an interrupted experiment goes
on. The table is `reports/search_against_grid.md`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from chronoslide.dataset import read_dataset
from chronoslide.files import write_text
from chronoslide.models.fitting import count_patches
from chronoslide.models.metrics import best_threshold
from chronoslide.params import Settings, read_settings
from chronoslide.patches.storage import PatchSet, read_patches, read_statistics
from chronoslide.search.networks import Networks
from chronoslide.search.objective import TrialData, networks_for, predict, share_data, train_network
from chronoslide.search.space import settings_of

RECORDS = "search/against_grid.jsonl"
REPORT = "reports/search_against_grid.md"
VARIED = ("batch_patches", "learning_rate", "false_positive_weight")
BATCHES, RATES, BETAS = (8, 16, 32), (0.0003, 0.002, 0.01), (0.3, 0.55, 0.8)


def main() -> None:
    """Trains what is missing and writes the table."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("root", nargs="?", default=".", type=Path)
    words.add_argument("--seeds", type=int, default=1, help="trainings of each point, with successive seeds")
    arguments = words.parse_args()
    root = arguments.root.resolve()
    settings = read_settings(root / "params.yaml")
    best = json.loads((root / "results/search/best_params.json").read_text())["parameters"]
    folder = root / "results/patches"
    training, validation = (read_patches(folder / "training" / subset) for subset in ("train", "validation"))
    statistics = read_statistics(folder / "training")
    data = share_data(training, validation, statistics, settings.tune.patches, settings.seed)
    test = read_patches(folder / "investigation/test")
    fixed = {name: value for name, value in best.items() if name not in VARIED}
    grid = [{**fixed, **dict(zip(VARIED, point, strict=True))} for point in itertools.product(BATCHES, RATES, BETAS)]
    for number in range(arguments.seeds):
        seeded = replace(data, seed=settings.seed + number)
        networks = networks_for(seeded)
        for point in [best, *grid]:
            judge_once(root / RECORDS, settings, seeded, networks, point, test)
    records = [json.loads(line) for line in (root / RECORDS).read_text().splitlines()]
    write_text(
        root / REPORT, report(records, best, grid, settings, arguments.seeds, read_dataset(root / "data").provenance)
    )
    print(root / REPORT)


def judge_once(
    path: Path, settings: Settings, data: TrialData, networks: Networks, point: dict[str, Any], test: PatchSet
) -> None:
    """Trains and judges one point and appends it to the records, unless it is there."""
    key = {"point": point, "seed": data.seed, "epochs": settings.tune.epochs, "patches": data.training.n}
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if any({name: record[name] for name in key} == key for record in done):
        return
    started = time.process_time()
    model, _ = train_network(data, networks, *settings_of(point, settings.pretrain, settings.tune.epochs))
    threshold = best_threshold(predict(model, data.validation, data.statistics), data.validation.labels)
    counts = count_patches(predict(model, test, data.statistics), test, threshold.value)
    record = {**key, "validation_f1": threshold.f1, "test_f1": counts.f1, "cpu_seconds": time.process_time() - started}
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps(record), flush=True)


def report(
    records: list[dict[str, Any]],
    best: dict[str, Any],
    grid: list[dict[str, Any]],
    settings: Settings,
    seeds: int,
    provenance: str,
) -> str:
    """The table and what it says, in Markdown."""
    wanted = {settings.seed + number for number in range(seeds)}
    ours = [each for each in records if each["seed"] in wanted and each["epochs"] == settings.tune.epochs]

    def mean(point: dict[str, Any], name: str) -> float:
        return float(pd.Series([each[name] for each in ours if each["point"] == point]).mean())

    rows = sorted(grid, key=lambda point: -mean(point, "test_f1"))
    top, bottom, found = mean(rows[0], "test_f1"), mean(rows[-1], "test_f1"), mean(best, "test_f1")
    place = sum(mean(point, "test_f1") > found for point in grid) + 1
    chosen = max(grid, key=lambda point: mean(point, "validation_f1"))
    minutes = sum(each["cpu_seconds"] for each in ours if each["point"] in grid) / 60
    lines = [
        "# The search against the full grid",
        "",
        f"**{provenance.upper()} data.** F1 on the test blocks of the investigation area, which neither the search nor "
        f"the trainings saw; {seeds} seed{'s' if seeds > 1 else ''}, {settings.tune.epochs} epochs of "
        f"{ours[0]['patches']} patches, f = {best.get('filters', 'as in params.yaml')}.",
        "",
        "| batch | learning rate | beta | F1 validation | F1 test |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for point, name in [(best, "**search's best**"), *((point, "") for point in rows)]:
        values = " | ".join(f"{point[key]:.4g}" for key in VARIED)
        lines.append(f"| {name} {values} | {mean(point, 'validation_f1'):.3f} | {mean(point, 'test_f1'):.3f} |")
    lines += [
        "",
        f"- The search's best: {found:.3f}, {found - bottom:+.3f} against the worst point of the grid ({bottom:.3f}) "
        f"and {found - top:+.3f} against its best ({top:.3f}); {place - 1} of {len(grid)} points are better.",
        f"- Grid: {len(grid)} trainings a seed, {minutes:.1f} minutes of one core in all; search: "
        f"{settings.tune.trials} trials.",
        f"- Chosen as the search chooses, by validation F1, the grid gives {mean(chosen, 'test_f1'):.3f}.",
        "- Of 27 noisy figures the highest is too high by chance; it is the best point only as far as the seeds tell.",
        "",
        "`python -m experiments.search_against_grid` repeats it.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
