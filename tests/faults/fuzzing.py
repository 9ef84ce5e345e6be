"""Feeds broken files to the readers, in processes of their own, and tells what else than one line came out.

An input is made anew from its number, so a case that failed is repeated by
`python -m faults.fuzzing READER FIRST COUNT SEED FOLDER`. A process that dies, hangs or wants all memory is charged
to the input that it had in hand.
"""

from __future__ import annotations

import json
import os
import random
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from faults.mutation import mutate_bytes, mutate_text
from faults.readers import READERS, ROOT, Reader

_SECONDS_PER_INPUT = 60
_MORE_MEMORY = 2 * 1024**3
_TEXTS = {".yaml": "yaml", ".json": "json", ".geojson": "json", ".xml": "xml"}
# After the first good file, a reader has no business with any of these.
_FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "subprocess.Popen", "pickle.find_class")
_LONGEST_LINE = 2000


@dataclass
class Tally:
    """What came of the inputs of one reader.

    Attributes:
        tried: Inputs.
        read: Of these, read without complaint: the harm was none, or not to be seen.
        refused: Refused in one line.
        failed: Number of the input and what came out instead.
    """

    tried: int = 0
    read: int = 0
    refused: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)

    def kinds(self) -> Counter[str]:
        """How often each kind of failure came."""
        return Counter(what.split(" | ")[0] for _, what in self.failed)


def fuzz(name: str, first: int, count: int, seed: int) -> Tally:
    """Feeds inputs `first` to `first + count - 1` to a reader."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        number = first
        while number < first + count:
            done = number
            for done, kind, what in _batch(name, number, first + count - number, seed, Path(folder)):
                tally.tried += 1
                tally.read += kind == "read"
                tally.refused += kind == "refused"
                if kind == "failed":
                    tally.failed.append((done, what))
            number = done + 1
    return tally


def _batch(name: str, first: int, count: int, seed: int, folder: Path) -> Iterator[tuple[int, str, str]]:
    """The outcomes of a process, until it ends or has to be ended; the input that it died of comes last."""
    words = [sys.executable, "-m", "faults.fuzzing", name, str(first), str(count), str(seed), str(folder)]
    path = os.pathsep.join([str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    noise = folder / "noise"
    with (
        noise.open("wb") as stderr,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr) as process,
        selectors.DefaultSelector() as selector,
    ):
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        number, rest, ready = first - 1, b"", False
        while selector.select(_SECONDS_PER_INPUT * (3 if number < first else 1)):
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                code = process.wait()
                if number < first and not ready:
                    raise RuntimeError(f"{name}: not even a good file is read: {noise.read_text()[-2000:]}")
                if number < first + count - 1:
                    tail = noise.read_bytes()[-300:].decode(errors="replace")
                    yield number + 1, "failed", f"the process ended with {code} | {tail}"
                return
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number, kind, what = json.loads(line)
                if kind == "ready":
                    ready = True
                    continue
                yield number, kind, what
        process.kill()
        yield number + 1, "failed", f"no answer in {_SECONDS_PER_INPUT} s"


def harmed(name: str, number: int, seed: int, good: Path, folder: Path) -> Path:
    """Copies the good files of a reader to `folder` and harms one of them; gives its path."""
    rng = random.Random(f"{seed} {name} {number}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(good, folder)
    target = folder / rng.choice([target for target in READERS[name].targets if (good / target).exists()])
    content = target.read_bytes()
    form = _TEXTS.get(target.suffix)
    target.write_bytes(mutate_text(content, form, rng) if form else mutate_bytes(content, rng))
    return target


def main(name: str, first: int, count: int, seed: int, place: Path) -> None:
    """The process: one line of JSON for each input, on standard output."""
    warnings.simplefilter("ignore")
    reader = READERS[name]
    good, bad = place / f"good {name}", place / f"bad {name}"
    if not good.exists():
        good.mkdir(parents=True)
        reader.make(good)
    reader.read(good)  # imports what it needs; and a good file must be read
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    forbidden = _watch(place)
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + _MORE_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answers.write(json.dumps([first - 1, "ready", ""]) + "\n")
    for number in range(first, first + count):
        harmed(name, number, seed, good, bad)
        begin = time.monotonic()
        kind, what = judged(reader, bad)
        if forbidden:
            kind, what = "failed", f"reached out | {forbidden}"
            forbidden.clear()
        if time.monotonic() - begin > _SECONDS_PER_INPUT / 4:
            kind, what = "failed", f"took {time.monotonic() - begin:.0f} s | {what}"
        answers.write(json.dumps([number, kind, what]) + "\n")


def judged(reader: Reader, folder: Path) -> tuple[str, str]:
    """What a reader makes of harmed files: "read", "refused" in one short line, or "failed"; and what it said.

    Of a failure, the part before " | " is its kind.
    """
    from chronoslide.errors import ChronoslideError

    try:
        reader.read(folder)
    except ChronoslideError as error:
        what = str(error)
        if "\n" in what or len(what) > _LONGEST_LINE:
            return "failed", f"not one short line | {what[:300]}"
        return "refused", what
    except Exception as error:
        return "failed", f"{type(error).__name__} | {str(error)[:300]}{_where(error)}"
    return "read", ""


def _where(error: BaseException) -> str:
    frame, own = error.__traceback__, ""
    while frame is not None:
        if "chronoslide" in frame.tb_frame.f_code.co_filename and "tests" not in frame.tb_frame.f_code.co_filename:
            own = f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
        frame = frame.tb_next
    return own


def _watch(place: Path) -> list[str]:
    """A list that grows when the process reaches for the network, another program or a file elsewhere."""
    seen: list[str] = []
    allowed = tuple(
        str(path) for path in (place, ROOT / "src", sys.prefix, sys.base_prefix, "/proc", "/sys", "/dev", "/usr")
    ) + tuple(str(Path(module).parent.resolve()) for module in [__import__("chronoslide").__file__, os.__file__])

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _FORBIDDEN:
            seen.append(f"{event} {arguments!r}"[:200])
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = str(Path(os.fsdecode(arguments[0])).absolute())
            if not path.startswith(allowed):
                seen.append(f"open {path}"[:200])

    sys.addaudithook(hook)
    return seen


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
