"""Runs of one project, one after the other: in order, nothing lost, and nothing given away by all of them together."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from tests.extracts.project import TOML
from tests.test_pipeline import GROUPS, POPULATION, SmallProject, arrests_of, run_it
from yjd.cli_options import newest_release
from yjd.config import load
from yjd.folders import history_url
from yjd.history import History
from yjd.pipeline import RunOutcome, _earlier_releases
from yjd.release import read_release

LONG_AGO = 1_000_000_000.0  # seconds: in 2001


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProject:
    for name in ("charts.charts_for", "workbook.workbook"):  # they take no part in this, but most of the time
        monkeypatch.setattr(f"yjd.reporting.{name}", lambda *_: {})
    return SmallProject(tmp_path)


def delivered(project: SmallProject, **changed: int) -> RunOutcome:
    one_measure = TOML.replace('"arrest_rate", "children_arrested_rate"', '"arrest_rate"')
    return run_it(project.write(arrests=arrests_of(GROUPS | changed), population=POPULATION, toml=one_measure))


def hidden(outcome: RunOutcome) -> set[tuple[str, str, str]]:
    rows = read_release(outcome.release).results.query("quantity == 'rate' and disclosure == 'hidden'")
    return set(zip(rows["measure"], rows["area"], rows["group"], strict=True))


def test_runs_in_a_row(project: SmallProject) -> None:
    """The second revises the first and is made with the clock set back; then the history is lost."""
    outcomes = [delivered(project, A2=2), delivered(project, A2=30)]
    runs = [one.run for one in outcomes]
    settings = load(project.folder / "yjd.toml")
    for path in outcomes[-1].release.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert newest_release(settings) == outcomes[-1].release
    with History.open(history_url(settings)) as history:
        assert history.runs()["run"].tolist() == runs
        for one in outcomes:
            release = read_release(one.release)
            assert history.holds(release)
            pd.testing.assert_frame_equal(history.results(one.run), release.results)
    # what was hidden stays hidden, though by now 30 were arrested: it may protect what somebody still has
    assert hidden(outcomes[0])
    assert hidden(outcomes[0]) <= hidden(outcomes[1])
    # a new history takes the releases in the order in which they were made, which no clock has to tell
    (project.folder / "work" / "history.sqlite").unlink()
    assert [one.run for one in _earlier_releases(settings, "the next")] == runs
