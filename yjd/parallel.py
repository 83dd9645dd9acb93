"""Work that falls into pieces, on all processors."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from multiprocessing import current_process
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")
#: Below this amount of work (rows) the start of further processes takes longer than they save.
ENOUGH = 20_000


def in_parallel(work: Callable[[Given], Found], pieces: Sequence[Given], amount: int) -> list[Found]:
    """Return what the work makes of each piece, in order.

    Parameters
    ----------
    work : callable
        A function of a module (or a partial of one), so that another process can find it.
    pieces : sequence
    amount : int
        How many rows all pieces have: little work is done here and now, and so are pieces of a piece.
    """
    from joblib import Parallel, cpu_count, delayed

    processes = min(cpu_count(), len(pieces)) if current_process().name == "MainProcess" else 1
    if amount >= ENOUGH and processes > 1:
        try:
            # Pieces hold counts of children: nothing goes through files.
            start = Parallel(n_jobs=processes, backend="loky", max_nbytes=None)
            return list(start(delayed(partial(_watched, work))(piece) for piece in pieces))
        except (OSError, BrokenProcessPool):
            pass  # a machine that lets nobody start processes, or ends them, can still do the work, only more slowly
    return [work(piece) for piece in pieces]


def _watched(work: Callable[[Given], Found], piece: Given) -> Found:
    """Do a piece of work in a process that ends when the one that started it is killed."""
    _watch()
    return work(piece)


@cache
def _watch() -> None:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
