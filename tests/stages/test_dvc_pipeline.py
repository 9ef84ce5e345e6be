"""`dvc.yaml` lists exactly what each stage reads: its parameters and the code that can change its result."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# They carry words and files about and cannot change a number; a change in them repeats no training.
WITHOUT_EFFECT = {
    "chronoslide.errors", "chronoslide.memory", "chronoslide.processes", "chronoslide.tracking", "chronoslide",
}  # fmt: skip
ROOMS = {path.name for path in (SOURCE / "chronoslide").iterdir() if (path / "__init__.py").exists()} - {
    "stages",
    "commands",
    "tracking",
}
# Rooms whose parts serve different stages: a change in tracking draws no outline again.
PARTED = {"inventories"}


def module_file(name: str) -> Path | None:
    path = SOURCE / Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def imports_of(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chronoslide"):
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names if module_file(f"{node.module}.{name.name}")}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("chronoslide")}
    return found


def code_of(stage: str) -> set[str]:
    """The paths that a stage's code lies in: the stage's module, ground-floor modules, and rooms or their parts."""
    waiting, seen = {f"chronoslide.stages.{stage}"}, set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        file = module_file(name)
        if file is not None:
            waiting |= imports_of(file) - seen - WITHOUT_EFFECT
    paths = set()
    for name in seen - WITHOUT_EFFECT:
        parts = name.split(".")
        file = module_file(name)
        if parts[1] in PARTED and len(parts) > 3:
            paths.add(f"src/chronoslide/{parts[1]}/{parts[2]}")
        elif parts[1] in ROOMS - PARTED:
            paths.add(f"src/chronoslide/{parts[1]}")
        elif file is not None and file.name != "__init__.py":
            paths.add(file.relative_to(ROOT).as_posix())
    return paths


def parameters_of(stage: str) -> set[str]:
    text = (SOURCE / "chronoslide" / "stages" / f"{stage}.py").read_text()
    return set(re.findall(r"\bsettings\.(\w+)", text))


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_that_a_stage_imports_is_what_dvc_watches(stage: str) -> None:
    listed = {path for path in STAGES[stage]["deps"] if path.startswith("src/")}
    assert listed == code_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_the_parameters_that_a_stage_reads_are_what_dvc_watches(stage: str) -> None:
    listed = {name.split(".")[0] for name in STAGES[stage].get("params", [])}
    assert listed == parameters_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_the_command_of_its_name(stage: str) -> None:
    assert STAGES[stage]["cmd"].removesuffix(" --new-if-changed") == f"chronoslide {stage}"


def test_no_parameter_has_a_name_that_dvc_hides() -> None:
    def keys(tree: object) -> set[str]:
        if not isinstance(tree, dict):
            return set()
        return set(tree) | {key for value in tree.values() for key in keys(value)}

    assert not keys(yaml.safe_load((ROOT / "params.yaml").read_text())) & {"size", "nfiles"}


def test_rooms_import_only_rooms_that_stand_before_them() -> None:
    order = ["simulate", "scenes", "labels", "patches", "models", "search", "mapping"]
    order += ["inventories", "evaluation", "reporting", "serving"]
    wrong = []
    for position, room in enumerate(order):
        base = SOURCE / "chronoslide" / room
        for file in [base.with_suffix(".py")] if base.with_suffix(".py").exists() else base.rglob("*.py"):
            later = {*order[position + 1 :], "stages", "commands", "cli", "tracking"}
            wrong += [
                f"{file.name}: {name}"
                for name in imports_of(file)
                if name.split(".")[1:2] and name.split(".")[1] in later
            ]
    assert not wrong


def test_the_parts_of_the_inventories_do_not_know_of_each_other() -> None:
    room = SOURCE / "chronoslide/inventories"
    between = {
        (file.parent.name, name.split(".")[2])
        for file in room.glob("*/*.py")
        for name in imports_of(file)
        if name.startswith("chronoslide.inventories.") and (room / name.split(".")[2]).is_dir()
    }
    assert {pair for pair in between if pair[0] != pair[1]} == {("multitemporal", "outlines")}
