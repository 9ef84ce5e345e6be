"""How many small harms to the code its tests notice: part of `make quality`.

`python -m mutants [grid labels losses metrics inventories] [--sample 200] [--seed 2] [--bar 80]`, with `tests` on
PYTHONPATH. Prints the harms that no test noticed and a table of scores; ends with 1 where one is below the bar.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants import score
from mutants.judging import MODULES

# A process with threads must not be forked. None of pytest's plugins is needed, and looking for them takes its time.
ENVIRONMENT = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")},
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"what is harmed, of {', '.join(MODULES)} (all)")
    parser.add_argument("--sample", type=int, default=200, help="mutants of the room `inventories`; 0: all (200)")
    # Seed 1 showed which tests were missing; tests that were written for a sample cannot be judged by it.
    parser.add_argument("--seed", type=int, default=2, help="of the sample (2)")
    parser.add_argument("--bar", type=float, default=80.0, help="the lowest score in percent (80)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(MODULES):
        parser.error(f"no such name: {', '.join(sorted(unknown))}")
    scores = {name: judged(name, arguments.sample, arguments.seed) for name in arguments.names or MODULES}
    print(score.HEAD)
    for name, result in scores.items():
        print(result.row(name))
    low = [name for name, result in scores.items() if result.percent < arguments.bar]
    if low:
        print(f"below {arguments.bar:g} %: {', '.join(low)}", file=sys.stderr)
    return 1 if low else 0


def judged(name: str, sample: int, seed: int) -> score.Score:
    """The score of one name, from a process that has the libraries of its tests alone."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "score.json"
        words = [sys.executable, "-m", "mutants.judging", name, str(sample), str(seed), answer]
        subprocess.run(words, env={**os.environ, **ENVIRONMENT}, check=True)
        return score.Score(**json.loads(answer.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
