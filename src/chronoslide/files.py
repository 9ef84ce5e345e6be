"""Writing so that a killed stage leaves the old result or the new one, never half of one."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chronoslide.errors import StorageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and moves it into place when the block succeeds.

    The temporary name keeps the suffix, because GDAL and Keras choose formats by it. If the block raises, the
    temporary file or folder is removed and `path` is as it was.

    Args:
        path: The file or folder to make. Parent folders are made.

    Raises:
        StorageError: The disk is full, or the place cannot be written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
        yield temporary
        _swap_in(temporary, path)
    except OSError as error:
        told = _storage_error(error, temporary, path)
        if told is error:
            raise
        raise told from error
    finally:
        _remove(temporary)


@contextmanager
def resumable(path: Path, key: str) -> Iterator[Path]:
    """Yields a folder beside `path` that stays when the block is interrupted, and moves it into place at the end.

    The next call with the same key is given the folder with what is in it; folders of other keys are removed. So work
    that was killed goes on where it stopped, and never on top of something else. As with `replacing`, `path` is the old
    folder or the new one.

    Args:
        path: The folder to make. Parent folders are made.
        key: Of everything that goes into it; letters and digits.

    Raises:
        StorageError: The disk is full, or the place cannot be written to.
    """
    kept = path.with_name(f".{path.name}.{key}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in path.parent.glob(f".{path.name}.*.partial"):
            if other != kept:
                _remove(other)
        kept.mkdir(exist_ok=True)
        yield kept
        _swap_in(kept, path)
    except OSError as error:
        told = _storage_error(error, kept, path)
        if told is error:
            raise
        raise told from error


def _storage_error(error: OSError, temporary: Path, path: Path) -> OSError | StorageError:
    """What a user is told of an error of the system, if it is about the place that is written to."""
    # Raised by a library for its own reasons; NumPy and HDF5 however tell of a full disk by a bare OSError.
    if error.errno is None and type(error) is not OSError:
        return error
    if error.filename is not None and not _belongs(Path(error.filename), temporary, path):
        return error  # the block could not read something else
    reason = error.strerror or str(error)
    return StorageError(
        f"{path}: cannot be written ({reason}); free some space or make the folder writable, then repeat"
    )


def _swap_in(temporary: Path, path: Path) -> None:
    """Moves `temporary` to `path`; an older folder steps aside first, since a rename cannot replace it."""
    if path.is_dir() and not path.is_symlink():
        aside = path.with_name(f".{path.name}.{os.getpid()}.old")
        _remove(aside)
        path.rename(aside)
        try:
            temporary.rename(path)
        except OSError:
            aside.rename(path)
            raise
        _remove(aside)
    else:
        temporary.replace(path)


def _belongs(name: Path, temporary: Path, path: Path) -> bool:
    """Whether a name is the place written to, something in it, or a folder above it."""
    return name in (path, *path.parents) or temporary in (name, *name.parents)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text with Unix line ends, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes JSON as `json_text` makes it, whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys, two spaces and no NaN (an undefined number becomes null), ended by a line feed."""
    return json.dumps(_plain(value), indent=2, sort_keys=True, allow_nan=False) + "\n"


def rounded(tree: Any) -> Any:
    """The same tree of dictionaries and lists with numbers of six decimals: more would differ between machines."""
    if isinstance(tree, Mapping):
        return {key: rounded(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [rounded(value) for value in tree]
    return round(tree, 6) if isinstance(tree, float) else tree


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
