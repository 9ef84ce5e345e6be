import threading

import pytest

from chronoslide.pipelining import read_ahead, write_behind


def test_items_come_in_order_and_are_made_in_another_thread():
    makers = set()

    def items():
        for number in range(20):
            makers.add(threading.current_thread())
            yield number

    assert list(read_ahead(items(), 2)) == list(range(20))
    assert threading.main_thread() not in makers


def test_no_more_items_are_made_than_may_wait():
    made = []
    first_taken = threading.Event()

    def items():
        for number in range(10):
            made.append(number)
            yield number

    reader = read_ahead(items(), 2)
    next(reader)
    first_taken.wait(0.3)
    assert len(made) <= 4  # one taken, two waiting, one in the hand
    reader.close()


def test_an_error_of_the_maker_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    reader = read_ahead(items(), 2)
    assert next(reader) == 1
    with pytest.raises(ValueError, match="broken"):
        next(reader)


def test_a_reader_that_stops_leaves_no_thread():
    before = threading.active_count()
    reader = read_ahead(iter(range(1000)), 1)
    next(reader)
    reader.close()
    assert threading.active_count() == before


def test_everything_is_written_in_order_before_the_block_ends():
    written = []
    with write_behind(written.append, 1) as give:
        for number in range(20):
            give(number)
    assert written == list(range(20))


def test_an_error_of_the_writer_ends_the_giver_and_nothing_is_written_after_it():
    written = []

    def write(number):
        if number == 2:
            raise OSError("full")
        written.append(number)

    def give_many():
        with write_behind(write, 1) as give:
            for number in range(100):
                give(number)

    with pytest.raises(OSError, match="full"):
        give_many()
    assert written == [0, 1]


def test_an_error_of_the_giver_is_its_own():
    def fail():
        with write_behind(lambda _: None, 1) as give:
            give(1)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
