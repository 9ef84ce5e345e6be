"""Writing so that a killed stage leaves the old result or the new one, never half of one.

A result is made under a temporary name beside its place, `.maps.4711.part`, and moved there when it is whole. A folder
cannot be moved onto a full one, so the old one steps aside for a moment, as `.maps.4711.old`. SIGKILL leaves these
names behind; the next writer of the same result tidies them up, and moves an old folder back whose place is empty.
It knows that their writers are dead because it holds the lock `.maps.lock`, which the kernel lets go of with its
holder, whatever became of process numbers, and on a network file system on whichever machine.

Also reads JSON and YAML that anybody may have written: whatever is wrong with the text is one kind of error, and text
of a few lines cannot grow to more than the memory holds.
"""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from chronoslide.errors import StorageError

# So long a second writer waits for the first; a small file is written by then, a stage is not.
_PATIENCE_SECONDS = 5.0
# Of anybody's JSON and YAML; ours have a depth below ten and some thousand values.
_DEEPEST, _MOST_VALUES = 60, 200_000
# What a file system answers that has no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and moves it into place when the block succeeds.

    The temporary name keeps the suffix, because GDAL and Keras choose formats by it. If the block raises, the
    temporary file or folder is removed and `path` is as it was. What a killed process left beside `path` is tidied up
    first. A link to a folder is followed, a link to a file is replaced.

    Args:
        path: The file or folder to make. Parent folders are made.

    Raises:
        StorageError: The disk is full, the place cannot be written to, or another process is writing there.
    """
    if path.is_symlink() and path.is_dir():
        path = path.resolve()
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    with _writing(path, temporary):
        try:
            _remove(temporary)
            yield temporary
            _swap_in(temporary, path)
        finally:
            _remove(temporary)


@contextmanager
def _writing(path: Path, temporary: Path) -> Iterator[None]:
    """Holds the lock of `path`, tidies up beside it first, and tells errors of the place in words for users."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path) as alone:
            if alone:
                _tidy_up(path)
            yield
    except OSError as error:
        told = _storage_error(error, temporary, path)
        if told is error:
            raise
        raise told from error


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Holds the lock of `path`; yields False where the file system has no locks."""
    lock = _lock_of(path)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        descriptor = _open_lock(lock)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace") or "another process"
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise StorageError(
                    f"{path}: {holder} is writing it; wait until that has ended, or stop it, then repeat"
                ) from None
            time.sleep(0.05)
            continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            held = False
        # Whoever held it before has removed the file: then what we hold is a lock that nobody else will find.
        if not held or _is_file(descriptor, lock):
            break
        os.close(descriptor)
    try:
        with suppress(OSError):  # on a full disk the name is missing from a message
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield held
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _open_lock(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except PermissionError:  # left by somebody else; a lock needs no right to write
        with suppress(OSError):
            return os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
        raise


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _tidy_up(path: Path) -> None:
    """Removes what dead writers of `path` left, after moving an old folder back whose place is empty."""
    part = re.compile(rf"\.{re.escape(path.stem)}\.\d+\.part{re.escape(path.suffix)}")
    old = re.compile(rf"\.{re.escape(path.name)}\.\d+\.old")
    for beside in sorted(path.parent.iterdir()):
        if old.fullmatch(beside.name) and not os.path.lexists(path):
            beside.rename(path)
        elif old.fullmatch(beside.name) or part.fullmatch(beside.name):
            _remove(beside)


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
        StorageError: The disk is full, the place cannot be written to, or another process is writing there.
    """
    kept = path.with_name(f".{path.name}.{key}.partial")
    with _writing(path, kept):
        for other in path.parent.glob(f".{path.name}.*.partial"):
            if other != kept:
                _remove(other)
        kept.mkdir(exist_ok=True)
        yield kept
        _swap_in(kept, path)


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
    # Linux can exchange two folders at once (renameat2), but not on every file system and not from Python: what a kill
    # leaves between the two renames must be tidied up all the same.
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
    """Whether a name is the place written to, its lock, something in it, or a folder above it."""
    return name in (path, _lock_of(path), *path.parents) or temporary in (name, *name.parents)


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


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is not JSON, or nested too deep.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    _require_flat(value)
    return value


def parse_yaml(text: str) -> Any:
    """The value of a YAML text; only plain values are made, and references may not unfold without end.

    Raises:
        ValueError: It is not YAML, nested too deep, or unfolds to too many values.
    """
    try:
        _require_shallow(text)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _unfolded(node, {})
            value = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except (OverflowError, TypeError, KeyError, AttributeError) as error:  # PyYAML, of dates and keys that are none
        raise ValueError(f"holds a value that cannot be read ({error})") from error
    return value


def _require_shallow(text: str) -> None:
    """Refuses deep nesting at its first levels: PyYAML's time grows with the square of the depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise ValueError("nested too deep")


def _require_flat(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise ValueError("nested too deep")


def _unfolded(node: yaml.Node, known: dict[int, int], depth: int = 0) -> int:
    """How many values a node unfolds to, references followed.

    Raises:
        ValueError: More than `_MOST_VALUES`, or deeper than `_DEEPEST`, as what refers to itself is.
    """
    if depth > _DEEPEST:
        raise ValueError("nested too deep, or a reference to itself")
    if id(node) not in known:
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_unfolded(part, known, depth + 1) for part in inner)
        if known[id(node)] > _MOST_VALUES:
            raise ValueError(f"unfolds to more than {_MOST_VALUES:,} values")
    return known[id(node)]


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
