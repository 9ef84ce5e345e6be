"""What each choice of training is worth: F1 of the full yearly maps, variant by variant, over several seeds.

    python -m experiments.ablation ROOT [--seeds N] [--variants NAME,NAME] [--table]

ROOT is a clone in which `dvc repro` has run; its parameters are put back at the end. `ablation.yaml` names the variants
as differences from `params.yaml`. Each variant and seed is one `dvc exp run map`, named `<variant>-seed<seed>`, so
`dvc exp show` lists it and MLflow holds its runs. Its maps are judged as the stage `evaluate` judges them: every year
on all of its ground, the year of the training on its held-out blocks. A finished one is written down at once
(search/ablation.jsonl), so an interrupted experiment goes on. The table is `reports/ablation.md`; `--table` writes it
from what is there.

All years' labels are looked at to choose between variants, so what is chosen here is fitted to this site: the yearly
figures of the default are development figures, and only another site can confirm them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy import stats

from chronoslide.dataset import read_dataset
from chronoslide.errors import ChronoslideError
from chronoslide.files import write_text
from chronoslide.models.card import read_card
from chronoslide.params import read_settings
from chronoslide.rasters import read_raster
from experiments.judging import f1_of_years, held_out_ground

VARIANTS = Path(__file__).with_name("ablation.yaml")
RECORDS = "search/ablation.jsonl"
REPORT = "reports/ablation.md"
BASE = "base"
CONFIDENCE = 0.95
MODELS = ("transferred", "from_scratch", "pretrained")


def main() -> None:
    """Runs what is missing and writes the table."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("root", type=Path, help="a clone in which `dvc repro` has run")
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--variants", default="", help="only these, separated by commas")
    words.add_argument("--table", action="store_true", help="run nothing, write the table of what is there")
    arguments = words.parse_args()
    root = arguments.root.resolve()
    variants = yaml.safe_load(VARIANTS.read_text(encoding="utf-8"))
    chosen = [name for name in arguments.variants.split(",") if name] or list(variants)
    unknown = sorted(set(chosen) - set(variants))
    if unknown:
        raise ChronoslideError(f"{VARIANTS.name}: there is no variant {unknown[0]!r}; it has {', '.join(variants)}")
    first_seed = read_settings(root / "params.yaml").seed
    if not arguments.table:
        try:
            for seed in range(first_seed, first_seed + arguments.seeds):
                for name in chosen:
                    run_once(root, name, variants[name]["set"], seed)
        finally:
            subprocess.run(["git", "checkout", "--quiet", "--", "params.yaml", "dvc.lock"], cwd=root, check=False)
    records = read_records(root)
    text = report(records, variants, read_dataset(root / "data").provenance)
    write_text(root / REPORT, text)
    print(root / REPORT)


def run_once(root: Path, name: str, parameters: dict[str, Any], seed: int) -> None:
    """Trains and maps one variant with one seed and appends its figures to the records, unless they are there."""
    key = {"variant": name, "set": parameters, "seed": seed}
    if any({part: record[part] for part in key} == key for record in read_records(root)):
        return
    subprocess.run(["git", "checkout", "--quiet", "--", "params.yaml", "dvc.lock"], cwd=root, check=True)
    # All that a search could find is set by hand, so none is run.
    together = {"tune.trials": 0, **parameters, "seed": seed}
    changes = [f"--set-param={path}={json.dumps(value)}" for path, value in together.items()]
    started, spent = time.monotonic(), _processor_seconds()
    experiment = f"{name}-seed{seed}"
    _dvc(root, "exp", "remove", "--quiet", experiment, check=False)  # one that was interrupted after its last stage
    _dvc(root, "exp", "run", "map", f"--name={experiment}", *changes)
    record = {
        **key,
        "f1": {model: judge(root, model) for model in MODELS},
        "processor_minutes": round((_processor_seconds() - spent) / 60, 2),
        "minutes": round((time.monotonic() - started) / 60, 2),
    }
    with (root / RECORDS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps(record), flush=True)


def judge(root: Path, model: str) -> dict[str, float]:
    """F1 of each year's map of a model."""
    settings = read_settings(root / "params.yaml")
    held_out = held_out_ground(root / "results/patches")
    threshold = read_card(root / "results/models" / model).threshold_in_use(settings.inventory.threshold)
    maps = {
        int(path.stem): read_raster(path).values[..., 0].astype(np.float32)
        for path in sorted((root / "results/maps" / model).glob("*.tif"))
    }
    return f1_of_years(root, settings, maps, threshold, held_out)


def read_records(root: Path) -> list[dict[str, Any]]:
    """What has been run, in the order in which it ended."""
    path = root / RECORDS
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def gain(records: list[dict[str, Any]], variant: str) -> tuple[float, float, float, int]:
    """Mean F1 of a variant minus that of the base, as `paired` tells."""
    base, other = (
        {record["seed"]: _mean_f1(record) for record in records if record["variant"] == name}
        for name in (BASE, variant)
    )
    return paired(base, other)


def paired(base: dict[int, float], other: dict[int, float]) -> tuple[float, float, float, int]:
    """The other's figure minus the base's: mean over the seeds that both have, 95 % t interval, number of seeds.

    The interval is NaN for a single seed, which says nothing of chance.
    """
    differences = np.array([other[seed] - base[seed] for seed in sorted(set(base) & set(other))])
    if len(differences) < 2:
        only = float(differences.mean()) if len(differences) else float("nan")
        return only, float("nan"), float("nan"), len(differences)
    middle, spread = float(differences.mean()), float(stats.sem(differences))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(differences) - 1)) * spread
    return middle, middle - half, middle + half, len(differences)


def report(records: list[dict[str, Any]], variants: dict[str, Any], provenance: str) -> str:
    """The table and what it says, in Markdown."""
    latest = {(record["variant"], record["seed"]): record for record in records if record["variant"] in variants}
    shown = [record for (name, _), record in latest.items() if record["set"] == variants[name]["set"]]
    years = sorted({year for record in shown for year in record["f1"]["transferred"]})
    lines = [
        "# What each choice of training is worth",
        "",
        f"**{provenance.upper()} data.** F1 of the transferred model's full yearly maps, as the stage `evaluate` "
        "judges them (the year of the training on its held-out blocks), mean over seeds. The gain is that of the mean "
        "over the years against the first row, paired by seed, with a 95 % t interval; a seed also draws other blocks "
        "and patches. Processor minutes are those of all stages that the parameters touch, three maps a year included. "
        "All years' labels were looked at to choose, so these are development figures.",
        "",
        f"| variant | seeds | mean | worst | {' | '.join(years)} | gain | processor minutes | default |",
        f"| --- | ---: | ---: | ---: | {' | '.join('---:' for _ in years)} | ---: | ---: | --- |",
    ]
    for name, variant in variants.items():
        mine = [record for record in shown if record["variant"] == name]
        if not mine:
            continue
        figures = [float(np.mean([record["f1"]["transferred"][year] for record in mine])) for year in years]
        minutes = float(np.mean([record["processor_minutes"] for record in mine]))
        lines.append(
            f"| {variant['what']} | {len(mine)} | "
            + " | ".join(f"{value:.3f}" for value in [np.mean(figures), min(figures), *figures])
            + f" | {'' if name == BASE else _signed(gain(shown, name))} | {minutes:.1f} | {variant['kept']} |"
        )
    left = [variant["what"] for name, variant in variants.items() if all(record["variant"] != name for record in shown)]
    if left:
        lines += ["", f"Not run yet: {'; '.join(left)}."]
    lines += ["", *_transfer(shown)]
    lines += ["", "`python -m experiments.ablation ROOT` repeats it; `dvc exp show` lists the experiments."]
    return "\n".join(lines) + "\n"


def _transfer(records: list[dict[str, Any]]) -> list[str]:
    """What the transfer is worth in the maps of the default: against the same network from random weights, and before.

    A map's threshold is that of its own model.
    """
    of_base = [record for record in records if record["variant"] == BASE]
    if not of_base:
        return []
    transferred = {record["seed"]: _mean_f1(record) for record in of_base}
    lines = ["## What the transfer is worth", "", "Of the default, the same maps and seeds.", ""]
    lines += ["| model | mean F1 | transferred minus this |", "| --- | ---: | ---: |"]
    for model in MODELS:
        f1 = {record["seed"]: _mean_f1(record, model) for record in of_base}
        against = "" if model == "transferred" else _signed(paired(f1, transferred))
        lines.append(f"| {model.replace('_', ' ')} | {np.mean(list(f1.values())):.3f} | {against} |")
    return lines


def _signed(difference: tuple[float, float, float, int]) -> str:
    middle, low, high, seeds = difference
    return f"{middle:+.3f} ({low:+.3f} to {high:+.3f})" if seeds > 1 else f"{middle:+.3f}"


def _mean_f1(record: dict[str, Any], model: str = "transferred") -> float:
    return float(np.mean(list(record["f1"][model].values())))


def _dvc(root: Path, *words: str, check: bool = True) -> None:
    programs = Path(sys.executable).parent
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run([programs / "dvc", *words], cwd=root, check=check, env=environment)


def _processor_seconds() -> float:
    """Of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
