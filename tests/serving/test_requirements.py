"""What the served code imports is in the environment that is registered with it."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

import chronoslide
from chronoslide.stages.package import REQUIREMENTS
from chronoslide.tracking.registry import pinned

SOURCE = Path(chronoslide.__file__).parent


def imported_by(entry: str) -> set[str]:
    """Top-level names of other people's modules that a module of ours imports, directly or through ours."""
    waiting, seen, foreign = [entry], set(), set()
    while waiting:
        name = waiting.pop()
        place = SOURCE.joinpath(*name.split(".")[1:])
        file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if name in seen or not file.exists():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            waiting += [each for each in names if each.startswith("chronoslide")]
            foreign |= {each.split(".")[0] for each in names if not each.startswith("chronoslide")}
    return foreign - set(sys.stdlib_module_names)


def test_every_import_of_the_served_code_is_pinned() -> None:
    names = {pin.partition("==")[0] for pin in pinned(REQUIREMENTS)}
    packages = packages_distributions()
    missing = {
        module
        for module in imported_by("chronoslide.serving.pyfunc_script")
        if not {str(canonicalize_name(package)) for package in packages[module]} & names
    }
    assert not missing
    assert "shapely" in names


def test_the_client_needs_the_standard_library_alone() -> None:
    assert imported_by("chronoslide.client") == set()
