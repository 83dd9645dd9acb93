"""Work in pieces."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

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


_LONG = "import time; from yjd.parallel import ENOUGH, in_parallel; in_parallel(time.sleep, [60.0, 60.0], ENOUGH)"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc to find processes")
def test_processes_end_with_the_one_that_started_them():
    with subprocess.Popen([sys.executable, "-c", _LONG]) as started:
        assert _comes(lambda: len(_working_for(started.pid)) == 2)
        working = _working_for(started.pid)
        started.kill()
        started.wait()
    assert _comes(lambda: not any(Path(f"/proc/{pid}").is_dir() for pid in working))


def _working_for(parent: int) -> list[int]:
    """Processes that have begun to watch: they have a thread for it."""
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    workers = [pid for pid in found if "popen_loky" in Path(f"/proc/{pid}/cmdline").read_text(encoding="ascii")]
    return [int(pid) for pid in workers if len(list(Path(f"/proc/{pid}/task").iterdir())) > 1]


def _comes(true: Callable[[], bool]) -> bool:
    """Whether it is true within half a minute."""
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()
