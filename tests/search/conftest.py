"""What the tests of the search share: an address of a database of their own."""

import shutil
import tempfile
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")  # SQLite waits for the disk at every word, the tests need not


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def address(folder):
    return f"sqlite:///{folder / 'study.db'}"
