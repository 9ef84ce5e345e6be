import ctypes

import pytest

from chronoslide import memory


def no_library(name):
    raise OSError("there is none")


class OtherLibrary:
    """A C library without glibc's own functions."""


@pytest.mark.parametrize("library", [no_library, lambda name: OtherLibrary()])
def test_other_c_libraries_are_left_alone(monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", library)
    memory.use_one_heap()
    memory.give_back()
