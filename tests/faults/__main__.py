"""The long form: `make test-faults`. Kills every stage and feeds every reader, and prints a table of what came of it.

`python -m faults --kills 20 --inputs 10000 --seed 2026 [--stages masks track] [--readers GeoTIFF]`, with `tests` on
PYTHONPATH. It takes hours; 0 leaves a part out. Each line is printed when it is known. It can be parted: after
`--kills 12`, `--kills 20 --after 12` tries the other eight of each stage; Ctrl-C prints the table of what was tried.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from faults.fuzzing import fuzz
from faults.killing import STAGES, Outcome, Victim, draw
from faults.readers import READERS
from repository import Repository, check_out


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="kills a stage (20)")
    parser.add_argument("--after", type=int, default=0, help="of these, how many an earlier call tried already (0)")
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs a reader (10,000)")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--readers", nargs="+", choices=list(READERS), default=list(READERS))
    arguments = parser.parse_args()
    wrong = 0
    if arguments.kills > arguments.after:
        wrong += kill(tuple(arguments.stages), range(arguments.after, arguments.kills), arguments.seed)
    if arguments.inputs:
        wrong += feed(arguments.readers, arguments.inputs, arguments.seed)
    return 1 if wrong else 0


def kill(stages: tuple[str, ...], rounds: range, seed: int) -> int:
    """Kills stages and prints a row for each; gives the number of trials after which something was wrong."""
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        say("making the repository on the smoke profile ...")
        victim = Victim(finished(Path(folder) / "chronoslide"))
        with contextlib.suppress(KeyboardInterrupt):
            for stage, kind, moment in draw(stages, rounds, seed):
                outcome = victim.trial(stage, kind, moment)
                outcomes[stage].append(outcome)
                seconds = victim.seconds[stage]
                after = " after unlock" if outcome.unlocked else ""
                say(f"{stage}, {kind} at {moment:.2f} of {seconds:.0f} s: {outcome.complaints or 'mended'}{after}")
    print(
        "| stage | killed | mended by the next `dvc repro` | after `chronoslide unlock` | ended before the kill | "
        "runs found dead in MLflow |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for stage, tried in outcomes.items():
        killed = [outcome for outcome in tried if outcome.killed]
        mended = [outcome for outcome in killed if not outcome.complaints]
        unlocked = sum(outcome.unlocked for outcome in mended)
        dead = sum(outcome.statuses.count("KILLED") for outcome in killed)
        print(
            f"| {stage} | {len(killed)} | {len(mended) - unlocked} | {unlocked} | {len(tried) - len(killed)} | {dead} |"
        )
    return sum(bool(outcome.complaints) for tried in outcomes.values() for outcome in tried)


def finished(root: Path) -> Repository:
    """A repository on the smoke profile whose `dvc repro` has ended."""
    repository = check_out(root)
    repository.run("chronoslide", "configure", "--profile", "smoke")
    repository.run("chronoslide", "simulate")
    repository.run("dvc", "commit", "--quiet", "--force", "data.dvc")
    repository.run("dvc", "repro", "--quiet")
    return repository


def feed(readers: list[str], inputs: int, seed: int) -> int:
    """Feeds readers and prints a row for each; gives the number of inputs that were not read or refused in a line."""
    rows, wrong = [], 0
    for name in readers:
        begin = time.monotonic()
        tally = fuzz(name, 0, inputs, seed)
        wrong += len(tally.failed)
        rows.append(f"| {name} | {tally.tried} | {tally.refused} | {tally.read} | {len(tally.failed)} |")
        say(f"{rows[-1]} {time.monotonic() - begin:.0f} s")
        for number, what in tally.failed[:20]:
            say(f"  input {number}: {what[:300]!r}")
    print("| reader | inputs | refused in one line | read | failed |\n| --- | ---: | ---: | ---: | ---: |")
    print("\n".join(rows))
    return wrong


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
