"""A measure that cannot be judged yet is shown in its latest period with results, and the period is named."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from tests.reporting.made_up import GROUPS, MEASURES, manifest, results, row
from yjd.reporting import facts, headlines, sentences, tables
from yjd.reporting.charts import chart_svg
from yjd.reporting.report import Report
from yjd.reporting.view import View
from yjd.reporting.words import Measure

REOFFENDING = Measure.of(next(entry for entry in MEASURES if entry["id"] == "reoffending_rate"))
NAMED = "Proven re-offending rate (April 2022 to March 2023)"


def _release(**by_period: object) -> pd.DataFrame:
    """The made-up release, with re-offending in earlier periods: a ratio for every group, or a status."""
    rows = []
    for period, kind in by_period.items():
        keys = {"measure": "reoffending_rate", "period": period.replace("_", "-").removeprefix("p")}
        for group in GROUPS:
            if isinstance(kind, str):
                hidden = "hidden" if kind == "hidden" else "shown"
                rows.append(row(**keys, group=group, status=kind, disclosure=hidden))
            else:
                rows.append(row(**keys, group=group, estimate=kind, lower=1.1, upper=9.0))
    return pd.concat([results(), pd.DataFrame(rows)], ignore_index=True)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return _release(p2021_22=1.7, p2022_23=1.8, p2023_24="censored")


@pytest.fixture(scope="module")
def later(frame: pd.DataFrame) -> View:
    return View(frame, manifest())


def test_the_latest_period_with_results_is_chosen(later: View) -> None:
    assert later.period_of(REOFFENDING) == "2022-23"
    assert {later.period_of(m) for m in later.measures if m.id != "reoffending_rate"} == {"2024-25"}
    assert {item.row["period"] for item in later.compare(REOFFENDING)} == {"2022-23"}


@pytest.mark.parametrize(
    ("by_period", "chosen"),
    [
        ({}, "2024-25"),  # nothing anywhere: the headline period stays, and says why there is nothing
        ({"p2022_23": "not_available"}, "2024-25"),
        ({"p2021_22": 1.7, "p2022_23": "hidden"}, "2021-22"),  # hidden is no result
        ({"p2021_22": 1.7, "p2022_23": "not_available", "p2023_24": "censored"}, "2021-22"),
    ],
)
def test_a_period_without_a_number_is_not_chosen(by_period: dict[str, object], chosen: str) -> None:
    assert View(_release(**by_period), manifest()).period_of(REOFFENDING) == chosen


def test_a_hidden_headline_stays_the_headline() -> None:
    """Hidden is a result: falling back would show a year next to the one that was hidden, without need."""
    frame = _release(p2022_23=1.8)
    now = (frame["measure"] == "reoffending_rate") & (frame["period"] == "2024-25")
    frame.loc[now, ["status", "disclosure"]] = ["hidden", "hidden"]
    assert View(frame, manifest()).period_of(REOFFENDING) == "2024-25"


def test_one_hidden_row_does_not_keep_a_period_that_is_too_recent() -> None:
    """Nobody could be judged there yet: the latest period that can be is shown, as where no row is hidden."""
    frame = _release(p2022_23=1.8)
    first = (frame["measure"] == "reoffending_rate") & (frame["period"] == "2024-25") & (frame["group"] == "Black")
    frame.loc[first, ["status", "disclosure"]] = ["hidden", "hidden"]
    assert View(frame, manifest()).period_of(REOFFENDING) == "2022-23"


def test_another_kind_of_period_is_never_taken() -> None:
    facts_of = manifest()
    facts_of["periods"][1]["kind"] = "rolling_3_years"
    assert View(_release(p2022_23=1.8), facts_of).period_of(REOFFENDING) == "2024-25"


def test_the_period_is_named_wherever_the_measure_is_shown(frame: pd.DataFrame, later: View) -> None:
    forest = chart_svg(later, "forest").decode()
    drawn = " ".join(re.findall(r">([^<>]+)</text>", forest))
    assert NAMED in drawn
    assert "unless another period is" in drawn
    assert NAMED in tables.forest_table(later, later.pathway, "Rates")
    assert facts.period_words(later, later.pathway) == "April 2024 to March 2025 unless another period is named"
    assert facts.period_words(later, [REOFFENDING]) == "April 2022 to March 2023"
    report = Report(frame, manifest())
    assert NAMED in report.family("reoffending").text
    assert "April 2022 to March 2023, compared with" in report.family("reoffending").text
    assert "children have to be followed up before it can be worked out" in report.coverage().text
    points = sentences.main_points(later)
    assert "(Proven re-offending rate: April 2022 to March 2023)" in points[0]
    for point in points:
        assert "Proven re-offending rate" not in point or "April 2022 to March 2023" in point
    assert "Proven re-offending rate: April 2022 to March 2023" in headlines.forest_alt(later)


def test_nothing_is_said_of_periods_where_all_are_the_headline(view: View, report: Report) -> None:
    assert sentences.periods_statement(view, view.measures) == ""
    assert sentences.periods_clause(view) == ""
    assert report.own_periods == ""
    assert view.title_of(REOFFENDING) == "Proven re-offending rate"
