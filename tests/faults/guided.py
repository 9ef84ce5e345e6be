"""Broken files that are looked for, where atheris runs: harms that reach new lines are kept and harmed further.

libFuzzer does it, and `make test-guided` gives it the readers of text. The other form, `faults.fuzzing`, draws its
harms blindly, but each again from its number.

`python -m faults.guided READER ... --seconds 60` prints a row for each reader; every kind of failure is said in a line,
with the file that shows it again: `python -m faults.guided READER --again FILE`. atheris is no part of the environment;
its folder stands on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from faults.fuzzing import judged
from faults.readers import READERS

TEXTS = (
    "params.yaml",
    "dataset.yaml",
    "model.json",
    "statistics.json",
    "metrics.json",
    "GeoJSON",
    "metadata",
    "catalogue",
)
_LONGEST_FILE = 20_000
_SECONDS_AN_INPUT, _MEGABYTES = 20, 4096


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults.guided", description=__doc__)
    parser.add_argument("readers", nargs="*", default=list(TEXTS), help=f"of: {', '.join(READERS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader (60)")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--failures", type=Path, default=Path("failures"), help="where files that break a reader go")
    parser.add_argument("--again", type=Path, help="reads this one file that broke the reader, and no other")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.readers if name not in READERS]:
        parser.error(f"{unknown[0]}: no such reader; there are {', '.join(READERS)}")
    if arguments.child:
        _seek(arguments.readers[0], arguments.child, arguments.failures, arguments.seconds, arguments.seed)
    if arguments.again:
        with tempfile.TemporaryDirectory() as folder:
            kind, what = _reading(arguments.readers[0], Path(folder))(arguments.again.read_bytes())
        print(f"{kind}: {what}")
        return int(kind == "failed")
    if find_spec("atheris") is None:
        parser.error("atheris is not on PYTHONPATH; `make test-guided` puts it there")
    failed = 0
    print("| reader | inputs | edges reached by the good files | in the end | kinds of failure |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in arguments.readers:
        kinds = arguments.failures.absolute() / name
        row, kinds_found = _row(name, arguments.seconds, arguments.seed, kinds)
        print(row, flush=True)
        failed += kinds_found
    return 1 if failed else 0


def _row(name: str, seconds: int, seed: int, failures: Path) -> tuple[str, int]:
    """Feeds a reader in a process that libFuzzer ends; the row, and how many kinds of failure there are."""
    begun_at = time.time()
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "faults.guided", name, "--child", folder, "--failures", str(failures)]
        words += ["--seconds", str(seconds), "--seed", str(seed)]
        done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    told = done.stderr
    begun, ended = re.search(r"INITED\s+cov: (\d+)", told), re.search(r"DONE\s+cov: (\d+)", told)
    inputs = re.search(r"number_of_executed_units: (\d+)", told)
    # An earlier run may have left some that are mended by now.
    kinds = sorted(path for path in failures.glob("*") if path.stat().st_mtime >= begun_at)
    for path in kinds:
        print(f"{name}: {path}", file=sys.stderr)
    if ended is None or begun is None or inputs is None:
        print(f"{name}: the process ended with {done.returncode}: {told[-2000:]}", file=sys.stderr)
        return f"| {name} | | | | the process itself |", 1
    return f"| {name} | {inputs[1]} | {begun[1]} | {ended[1]} | {len(kinds)} |", len(kinds)


def _seek(name: str, place: Path, failures: Path, seconds: int, seed: int) -> None:
    """The process: libFuzzer calls the reader until the time is over, and then ends the process."""
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["chronoslide"]):
        read = _reading(name, place)
    corpus = place / "corpus"
    corpus.mkdir()
    good, targets = place / "good", READERS[name].targets
    for number, target in enumerate(targets):
        (corpus / f"good_{number}").write_bytes(bytes([number]) + (good / target).read_bytes())

    kinds: set[str] = set()

    def judge(data: bytes) -> None:
        kind, what = read(data)
        if kind == "failed":
            error, place_of_ours = what.split(" | ")[0], re.search(r" at \w+\.py:\d+$", what)
            named = re.sub(r"\W+", "_", error + (place_of_ours[0] if place_of_ours else ""))
            failures.mkdir(parents=True, exist_ok=True)
            if named not in kinds:
                (failures / named).write_bytes(data)
                kinds.add(named)

    options = {
        "max_total_time": seconds, "max_len": _LONGEST_FILE, "timeout": _SECONDS_AN_INPUT, "rss_limit_mb": _MEGABYTES,
        "seed": seed, "print_final_stats": 1, "artifact_prefix": f"{place}/",
    }  # fmt: skip
    atheris.Setup([name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)], judge)
    atheris.Fuzz()


def _reading(name: str, place: Path) -> Callable[[bytes], tuple[str, str]]:
    """What judges an input: its first byte says which file of the reader it replaces, the rest is the file."""
    warnings.simplefilter("ignore")
    reader, good, bad = READERS[name], place / "good", place / "bad"
    good.mkdir()
    reader.make(good)
    shutil.copytree(good, bad)
    reader.read(bad)  # imports what it needs; and a good file must be read
    os.chdir(place)

    def read(data: bytes) -> tuple[str, str]:
        if not data:
            return "read", ""
        target = reader.targets[data[0] % len(reader.targets)]
        (bad / target).write_bytes(data[1:])
        try:
            return judged(reader, bad)
        finally:
            shutil.copyfile(good / target, bad / target)

    return read


if __name__ == "__main__":
    sys.exit(main())
