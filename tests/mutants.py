"""How many small harms to the code its tests notice: `python tests/mutants.py grid labels`, part of `make quality`.

Works in a copy of the checkout, since Cosmic Ray changes the files in place. Prints a row for each module.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What is harmed (below src/chronoslide), and the tests that have to notice.
MODULES = {
    "grid": ("grid.py", "tests/test_grid.py"),
    "labels": ("labels.py", "tests/test_labels.py"),
    "losses": ("models/losses.py", "tests/models/test_losses.py"),
    "metrics": ("models/metrics.py", "tests/models/test_metrics.py"),
    "inventories": ("inventories", "tests/inventories"),
}
_CONFIGURATION = """\
[cosmic-ray]
module-path = "src/chronoslide/{code}"
timeout = 300.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def score(name: str, folder: Path, tools: Path) -> tuple[int, int]:
    """Mutants that were noticed, and all."""
    code, tests = MODULES[name]
    (folder / "mutants.toml").write_text(_CONFIGURATION.format(code=code, tests=tests, python=sys.executable))
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    for words in (["init", "mutants.toml", f"{name}.sqlite"], ["exec", "mutants.toml", f"{name}.sqlite"]):
        subprocess.run([tools / "cosmic-ray", *words], cwd=folder, env=environment, check=True)
    report = subprocess.run(
        [tools / "cr-report", "--show-diff", "--surviving-only", f"{name}.sqlite"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    print(report)
    told = {line.split(":")[0]: line.split(":")[1].split()[0] for line in report.splitlines() if ":" in line}
    total = int(told["total jobs"])
    return total - int(told["surviving mutants"]), total


def main(names: list[str]) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in names or list(MODULES):
            folder = Path(temporary) / name
            for part in ("src", "tests", "profiles"):
                shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            for part in ("pyproject.toml", "params.yaml", "dvc.yaml"):
                shutil.copy2(ROOT / part, folder)
            noticed, total = score(name, folder, ROOT / ".tools/bin")
            rows.append(f"| {name} | {total} | {noticed} | {100 * noticed / total:.0f} % |")
    print("| module | mutants | noticed | score |\n| --- | ---: | ---: | ---: |")
    print("\n".join(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
