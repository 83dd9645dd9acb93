"""One run at a time on one history: projects that share it heed what each other has released, not what is under way.

The lock lies where the history is, so that it holds for every machine that reaches it: an advisory lock of the session
on PostgreSQL, named by the table itself; a locked file beside a SQLite file. Either ends with its process, however that
ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from yjd.errors import BusyError, HistoryError

if TYPE_CHECKING:
    import sqlalchemy as sa

_FILE = "SELECT file FROM pragma_database_list WHERE name = 'main'"
_KEY = "(4821 * 4294967296 + 'yjd_runs'::regclass::oid::bigint)"  # a number of this package's own, and the table
_TAKE = f"SELECT pg_try_advisory_lock({_KEY})"
_STILL = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
    "AND classid = 4821 AND objid = 'yjd_runs'::regclass"
)
_BUSY = ("Another project's run is at work on the same history.", "Wait until it has finished.")


@contextmanager
def hold(url: str) -> Iterator[Callable[[], None]]:
    """Hold a history for one run.

    Parameters
    ----------
    url : str
        Its SQLAlchemy URL; its tables are made where they are not there yet.

    Yields
    ------
    callable
        To be called before anything is released: it raises where the lock was lost on the way.

    Raises
    ------
    BusyError
        Another run holds it.
    HistoryError
        It cannot be opened or locked.
    """
    from yjd.history import History

    with History.open(url) as history:
        kind = history.engine.dialect.name
        if kind not in _HOLD:
            raise HistoryError(
                f"A history in {kind} cannot be held for one run at a time.", "Keep it in SQLite or PostgreSQL."
            )
        with _HOLD[kind](history.engine) as still_held:
            yield still_held


@contextmanager
def _hold_file(engine: sa.Engine) -> Iterator[Callable[[], None]]:
    import filelock
    import sqlalchemy as sa

    with engine.connect() as connection:  # SQLite itself says which file it is, however the URL is written
        file = connection.execute(sa.text(_FILE)).scalar()
    engine.dispose()
    if not file:  # in memory: nobody shares it
        yield _nothing_lost
        return
    path = Path(file).resolve()
    lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(*_BUSY) from None
    except OSError:
        raise HistoryError("The history cannot be locked.", "Its folder has to be writable.") from None
    try:
        yield _nothing_lost
    finally:
        lock.release()


def _nothing_lost() -> None:
    """A lock on a file is held until its process lets go."""


@contextmanager
def _hold_session(engine: sa.Engine) -> Iterator[Callable[[], None]]:
    """Hold an advisory lock with a connection of its own: it ends with the connection, which may break on the way."""
    import sqlalchemy as sa

    lost = HistoryError(
        "The connection that held the history for this run was lost.", "Nothing was released; run again."
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(sa.text(_TAKE)).scalar():
            raise BusyError(*_BUSY)

        def still_held() -> None:
            try:
                held = connection.execute(sa.text(_STILL)).scalar()
            except sa.exc.SQLAlchemyError:
                raise lost from None
            if not held:
                raise lost

        try:
            yield still_held
        finally:
            connection.invalidate()  # closes the session, and with it the lock


_HOLD = {"sqlite": _hold_file, "postgresql": _hold_session}
