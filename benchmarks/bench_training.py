"""The training step at batches of 32 patches of 128 x 128 x 5: patches a second, beside PyTorch's in the same run.

`python -m benchmarks training` runs the project's own loop, augmentation included, on made-up patches, in a process of
its own for each number of filters and precision: `python -m benchmarks.bench_training FILTERS PRECISION`. The smallest
network is trained by two processes of one core each as well, which share each batch over the loopback address
(`models/workers.py`). The peer (`make bench-peers`) gets its batch ready in memory and augments nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.measure import ROOT, Measure

PEERS = ROOT / ".venv-peers/bin/python"
FILTERS = (8, 16, 32)
BATCH = 32
_SIDE, _BANDS = 128, 5
# Some ten seconds each on two cores.
_STEPS = {8: 24, 16: 12, 32: 5}
_ROUNDS = 3
_COMMAND = "python -m benchmarks training"


def training(*, quick: bool = False) -> list[Measure]:
    """Ours in both precisions and the peer's, in turns; the speed-up is that of the better of ours over the better.

    Quick: the smallest network alone and one turn, to see that everything runs.
    """
    if not PEERS.exists():
        print("no .venv-peers: PyTorch is not measured; `make bench-peers` makes it")
    measures: list[Measure] = []
    speedups: dict[int, list[float]] = {}
    for filters in FILTERS[:1] if quick else FILTERS:
        rates: dict[str, list[float]] = {}
        shares = []
        for _ in range(1 if quick else _ROUNDS):
            ours = {}
            for precision in ("float32", "mixed_bfloat16"):
                found = _run([sys.executable, "-m", "benchmarks.bench_training", str(filters), precision])
                ours[precision] = found["patches_per_s"]
                shares.append(found["step_share"])
                rates.setdefault(precision, []).append(found["patches_per_s"])
            if PEERS.exists():
                numbers = [filters, BATCH, _SIDE, _BANDS, _STEPS[filters]]
                words = [str(PEERS), "-m", "benchmarks.peers.train_with_pytorch", *map(str, numbers)]
                peer = _run(words)
                for precision, rate in peer.items():
                    rates.setdefault(f"pytorch_{precision}", []).append(rate)
                speedups.setdefault(filters, []).append(max(ours.values()) / max(peer.values()))
        measures += [
            Measure(f"train_f{filters}_{name}_rate", tuple(values), "patches/s", _COMMAND)
            for name, values in rates.items()
        ]
        measures.append(Measure(f"train_f{filters}_step_share", tuple(shares), "1", _COMMAND))
    alone = FILTERS[0]
    rates_of_two = [_two_processes(alone) for _ in range(1 if quick else _ROUNDS)]
    measures.append(Measure(f"train_f{alone}_two_processes_rate", tuple(rates_of_two), "patches/s", _COMMAND))
    if speedups:
        measures += [
            Measure(f"train_f{filters}_speedup", tuple(values), "1", _COMMAND) for filters, values in speedups.items()
        ]
        slowest = min(speedups.values(), key=lambda values: float(np.median(values)))
        measures.append(Measure("train_speedup_vs_best_peer", tuple(slowest), "1", _COMMAND))
    return measures


def _two_processes(filters: int) -> float:
    """Patches a second of two processes that train together, with one core each."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        team = ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in (one, other))
    words = [sys.executable, "-m", "benchmarks.bench_training", str(filters), "float32", team]
    running = [
        subprocess.Popen(
            ["taskset", "-c", str(cores[rank % len(cores)]), *words, str(rank)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    answers = [one.communicate()[0] for one in running]
    rate: float = json.loads(answers[0].splitlines()[-1])["patches_per_s"]
    print(f"two processes, f = {filters}: {rate}", flush=True)
    return rate


def _run(words: list[str]) -> dict[str, float]:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(" ".join(words[2:]), json.dumps(found), flush=True)
    return found


def main() -> int:
    """Trains two epochs on made-up patches; the second one is counted."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from chronoslide.models.team import Team
    from chronoslide.models.training import train
    from chronoslide.models.unet import build_unet
    from chronoslide.models.workers import together
    from chronoslide.params import ModelSettings, OptimiserSettings
    from chronoslide.patches.scaling import BandStatistics
    from chronoslide.patches.storage import PatchSet

    filters, precision, *team = int(sys.argv[1]), *sys.argv[2:]
    bands = ("blue", "green", "red", "red_edge", "nir")
    statistics = BandStatistics(bands, (0.1,) * _BANDS, (0.05,) * _BANDS)
    rng = np.random.default_rng(0)
    count = BATCH * _STEPS[filters]
    images = rng.integers(1, 4_000, (count, _SIDE, _SIDE, _BANDS)).astype(np.uint16)
    labels = (rng.random((count, _SIDE, _SIDE)) > 0.9).astype(np.uint8)
    settings = OptimiserSettings(
        epochs=2, batch_patches=BATCH, schedule="cosine", orient=True, relight_gain=0.07, relight_haze=0.01
    )
    shape = ModelSettings.model_validate({"filters": filters, "precision": precision})
    with together(Team(tuple(team[0].split(",")), int(team[1])) if team else None):
        model = build_unet(_BANDS, shape, statistics, seed=1)
        history = train(model, PatchSet(images, labels, bands), None, settings, statistics, seed=1)
    found: dict[str, Any] = {
        "patches_per_s": round(count / history.seconds[1], 3),
        "step_share": round(history.step_share, 5),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
