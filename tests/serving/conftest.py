"""The small mapper, made once."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():  # MLflow warns of its own type hints when it is imported
    warnings.simplefilter("ignore")
    import mlflow.pyfunc  # noqa: F401

from chronoslide.serving.scene_mapper import SceneMapper
from chronoslide.serving.storage import read_package
from served import Served, serve, write_mapper, write_registry

NETWORK = "chronoslide-transferred"


@pytest.fixture(scope="session")
def mapper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packaged mapper; `network` beside it is its network."""
    return write_mapper(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def mapper(mapper_folder: Path) -> SceneMapper:
    return SceneMapper(read_package(mapper_folder))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose store has `chronoslide-transferred` and `chronoslide-mapper`, both champions."""
    return write_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="session")
def servers(registry: Path) -> Iterator[dict[str, Served]]:
    """`mlflow models serve` of both, by name; started together, since each takes ten seconds."""
    started = {name: serve(registry, f"models:/{name}@champion") for name in ("chronoslide-mapper", NETWORK)}
    try:
        for server in started.values():
            server.wait()
        yield started
    finally:
        for server in started.values():
            server.stop()
