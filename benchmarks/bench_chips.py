"""`python -m benchmarks.bench_chips TRAIN TEST`: `chronoslide chips` beside other people's networks, on the same chips.

Ours is trained first, by the section `chips` of params.yaml; the others (`make bench-peers`) get the same training and
validation chips and as many seconds. A table of F1, IoU, seconds to train and megapixels a second follows. The last are
those of the network alone on windows of 512 pixels: ours on the engine that `map` would take, theirs on PyTorch with
channels last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ROOT

PEERS = ROOT / ".venv-peers/bin/python"
TRAINED = ROOT / "results/benchmarks/chips"  # stays, with its metrics, whatever comes after the training
_SIDE, _WINDOWS = 512, 4
_COLUMNS = ("network", "parameters", "validation_f1", "f1", "iou", "seconds", "epochs", "megapixels_a_second")


def ours(train: Path, test: Path, folder: Path) -> dict[str, Any]:
    """Trains and tests by `chronoslide chips`, as a user does, and times the network that it stored.

    The seconds are those of the whole command, starting and testing included, so the others get a little more.
    """
    from chronoslide.files import parse_json
    from chronoslide.mapping.engines import settled_engine
    from chronoslide.models.storage import load_model
    from chronoslide.params import MapSettings

    begun = time.perf_counter()
    words = [sys.executable, "-m", "chronoslide", "chips", str(train), str(test), "--output", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    model, card = load_model(folder)
    metrics: Any = parse_json((folder / "metrics.json").read_text(encoding="utf-8"))
    predict = settled_engine(model, MapSettings(precision="float32"))
    images = np.random.default_rng(0).random((_WINDOWS, _SIDE, _SIDE, len(card.bands)), dtype=np.float32)
    predict(images)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        predict(images)
        taken.append(time.perf_counter() - started)
    return {
        "network": f"ours, {card.settings.architecture}, f = {card.settings.filters}",
        "parameters": model.count_params(),
        "validation_f1": metrics["validation_f1"],
        "f1": metrics["test"]["f1"],
        "iou": metrics["test"]["iou"],
        "seconds": seconds,
        "epochs": len((folder / "history.csv").read_text(encoding="utf-8").splitlines()) - 1,
        "megapixels_a_second": _WINDOWS * _SIDE**2 / 1e6 / min(taken),
    }


def theirs(train: Path, test: Path, seconds: float, python: Path) -> list[dict[str, Any]]:
    """Trains and tests the other networks on the chips that ours was trained and tested on."""
    from chronoslide.commands.chips import as_the_processor_can
    from chronoslide.params import read_settings
    from chronoslide.patches.chips import read_chips, split_chips, whole_set
    from chronoslide.patches.scaling import to_reflectance

    settings = read_settings(ROOT / "params.yaml")
    bands = settings.chips.bands
    training, validation = split_chips(
        whole_set(read_chips(train, bands), train), settings.chips.validation_share, settings.seed
    )
    subsets = {"train": training, "validation": validation, "test": whole_set(read_chips(test, bands), test)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chips.npz"
        arrays: dict[str, Any] = {}
        for name, subset in subsets.items():
            arrays |= {f"{name}_images": to_reflectance(subset.images), f"{name}_labels": subset.labels}
        np.savez(path, **arrays)
        words = [str(python), "-m", "benchmarks.peers.train_on_chips", str(path), str(seconds), str(settings.seed)]
        words.append(as_the_processor_can(settings.chips.model).precision)
        done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = ["| " + " | ".join(name.replace("_", " ") for name in _COLUMNS) + " |", "| --- " + "| ---: " * 7 + "|"]
    for row in rows:
        cells = [f"{row[name]:.3g}" if isinstance(row[name], float) else f"{row[name]}" for name in _COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_chips", description=__doc__)
    parser.add_argument("train", type=Path, help="folder of chips to train on, with images/ and masks/")
    parser.add_argument("test", type=Path, help="folder of chips that are looked at once, at the end")
    parser.add_argument("--seconds", type=float, help="for each other network; default: as many as ours took")
    parser.add_argument("--peers", type=Path, default=PEERS, help="the Python of their environment")
    parser.add_argument("--without-ours", action="store_true", help="only the others, with --seconds")
    words = parser.parse_args()
    if words.without_ours and words.seconds is None:
        parser.error("--without-ours needs --seconds")
    train, test = words.train.resolve(), words.test.resolve()
    rows: list[dict[str, Any]] = []
    if not words.without_ours:
        rows.append(ours(train, test, TRAINED))
        print(json.dumps(rows[0]), flush=True)
    seconds = words.seconds if words.seconds is not None else float(rows[0]["seconds"])
    if words.peers.exists():
        rows += theirs(train, test, seconds, words.peers.absolute())
    else:
        print(f"{words.peers}: not there, so other networks are not measured; `make bench-peers` makes it")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
