"""Three things at once: reading ahead of the network and writing behind it, each in a thread of its own.

Used while a scene is mapped. GDAL and the inference engines release Python's lock while they work, so threads suffice.
Order is kept, memory is bounded by the depth, and an error on either side ends the whole.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_END: Final = object()
_POLL_SECONDS: Final = 0.1


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def read_ahead(items: Iterable[_Item], depth: int) -> Iterator[_Item]:
    """The same items, made by a thread while the reader of this iterator is busy with earlier ones.

    Args:
        items: Is iterated in the thread; it is closed when this iterator is.
        depth: Items that may wait.

    Raises:
        BaseException: Whatever making an item raised, at its place in the order.
    """
    waiting: queue.Queue[object] = queue.Queue(depth)
    abandoned = threading.Event()

    def hand_over(item: object) -> bool:
        while not abandoned.is_set():
            try:
                waiting.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not hand_over(item):
                    return
            hand_over(_END)
        except BaseException as error:
            hand_over(_Failure(error))

    thread = threading.Thread(target=make, name="read ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]  # the queue holds items, the end and failures
    finally:
        abandoned.set()
        thread.join()


@contextmanager
def write_behind(write: Callable[[_Item], None], depth: int) -> Iterator[Callable[[_Item], None]]:
    """Yields a function that hands an item to `write` in a thread and returns at once; leaving waits for the last one.

    Args:
        write: Is called in the order in which items were handed over.
        depth: Items that may wait.

    Raises:
        BaseException: Whatever `write` raised, at the next item or at the end. Nothing is written after it.
    """
    waiting: queue.Queue[object] = queue.Queue(depth)
    failures: list[BaseException] = []

    def work() -> None:
        while (item := waiting.get()) is not _END:
            if not failures:
                try:
                    write(item)  # type: ignore[arg-type]  # the queue holds items and the end
                except BaseException as error:
                    failures.append(error)

    thread = threading.Thread(target=work, name="write behind", daemon=True)

    def give(item: _Item) -> None:
        if failures:
            raise failures[0]
        waiting.put(item)

    thread.start()
    try:
        yield give
    finally:
        waiting.put(_END)
        thread.join()
    if failures:
        raise failures[0]
