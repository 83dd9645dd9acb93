"""Work in pieces."""

from __future__ import annotations

import os
from functools import partial

import pytest

from yjd.errors import DisclosureError
from yjd.parallel import ENOUGH, in_parallel


def _power(number: int, exponent: int) -> int:
    return number**exponent


def _of_process(_: int) -> int:
    return os.getpid()


def _refused(_: int) -> int:
    raise DisclosureError("This cannot be protected.", "Publish less.")


@pytest.mark.parametrize("amount", [0, ENOUGH])
def test_answers_come_in_the_order_of_the_pieces(amount):
    assert in_parallel(partial(_power, exponent=2), range(7), amount) == [0, 1, 4, 9, 16, 25, 36]


def test_little_work_is_done_here():
    assert set(in_parallel(_of_process, range(3), ENOUGH - 1)) == {os.getpid()}


def test_what_a_piece_refuses_is_refused_with_its_remedy():
    with pytest.raises(DisclosureError, match="cannot be protected") as error:
        in_parallel(_refused, range(3), ENOUGH)
    assert error.value.remedy == "Publish less."


def test_a_machine_without_further_processes_still_does_the_work(monkeypatch):
    def none(*_: object, **__: object) -> None:
        raise OSError("no processes")

    monkeypatch.setattr("joblib.Parallel", none)
    assert in_parallel(partial(_power, exponent=3), range(3), ENOUGH) == [0, 1, 8]
