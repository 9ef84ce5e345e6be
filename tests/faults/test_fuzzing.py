"""The short form of the fuzzing: some inputs for every reader. `make test-faults` feeds each ten thousand."""

import pytest

from faults.fuzzing import fuzz
from faults.readers import READERS

FEW = {"weights": 12}  # each builds a network anew


@pytest.mark.parametrize("name", READERS)
def test_a_reader_refuses_harmed_files_in_one_line(name: str) -> None:
    tally = fuzz(name, first=0, count=FEW.get(name, 150), seed=7)
    assert tally.tried == FEW.get(name, 150)
    assert tally.failed == []
    assert tally.refused > 0
