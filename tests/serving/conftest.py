"""The small mapper, made once."""

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():  # MLflow warns of its own type hints when it is imported
    warnings.simplefilter("ignore")
    import mlflow.pyfunc  # noqa: F401

from chronoslide.serving.scene_mapper import SceneMapper
from chronoslide.serving.storage import read_package
from served import write_mapper


@pytest.fixture(scope="session")
def mapper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a packaged mapper; `network` beside it is its network."""
    return write_mapper(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def mapper(mapper_folder: Path) -> SceneMapper:
    return SceneMapper(read_package(mapper_folder))
