"""Made-up extracts with all their dirt: the known ratios are found, and every bad row is accounted for.

How often the intervals hold the truth over many seeds is another question: see docs/coverage.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.study import coverage
from yjd.extracts import Accounting, LoadedExtracts
from yjd.synthetic import Truth, generate

CONFIDENCE = 0.999  # some thirty intervals, of one seed that does not change
LAST_JUDGED = dict.fromkeys(coverage.MEASURES, "2024-25") | {
    "reoffending_rate": "2022-23"  # later years end less than 18 months before the extract does
}


@dataclass(frozen=True)
class Found:
    truth: Truth
    loaded: LoadedExtracts
    results: pd.DataFrame
    intervals: pd.DataFrame


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("made-up")
    truth = generate(folder / "extracts")
    loaded, results = coverage.unprotected(coverage.settings_for(folder, confidence=CONFIDENCE))
    intervals = coverage.with_truth(results, truth)
    last = intervals[intervals["period"] == intervals["measure"].map(LAST_JUDGED)]
    return Found(truth, loaded, results, last.set_index(["measure", "group"]))


def test_the_package_finds_every_true_ratio_in_the_last_judged_year(found: Found) -> None:
    intervals = found.intervals
    assert len(intervals) == len(coverage.MEASURES) * 4
    assert set(intervals["status"]) == {"ok"}
    outside = ~intervals["truth"].between(intervals["lower"], intervals["upper"])
    assert intervals.index[outside].tolist() == []


def test_the_intervals_are_narrow_enough_to_tell_the_groups_from_white_children(found: Found) -> None:
    """An interval that held everything would pass the test above; these true ratios are not 1."""
    intervals = found.intervals
    for group, ratio in (("Black", 2.2), ("Mixed", 1.8)):
        assert found.truth.rri("search_rate", group, period="2024/25") == pytest.approx(ratio, rel=0.1)
        for measure in ("search_rate", "arrest_rate", "children_arrested_rate"):
            assert intervals.loc[(measure, group), "lower"] > 1
    assert intervals.loc[("precourt_share", "Black"), "upper"] < 1


def test_a_year_whose_follow_up_is_not_over_has_no_re_offending_rate(found: Found) -> None:
    rates = found.results.query("measure == 'reoffending_rate' and quantity == 'rate'")
    status = rates.groupby("period")["status"].agg(lambda values: sorted(set(values)))
    assert status[["2023-24", "2024-25"]].tolist() == [["censored"], ["censored"]]
    assert status["2022-23"] == ["ok"]


def account(found: Found, extract: str) -> Accounting:
    return next(entry for entry in found.loaded.accounting if entry.extract == extract)


def test_every_bad_row_is_set_aside_and_no_other(found: Found) -> None:
    dirt = found.truth.dirt
    bad = {
        "census": 0,
        "searches": dirt["exact_duplicates"]["searches.csv"],
        "arrests": dirt["exact_duplicates"]["arrests.csv"]
        + dirt["age_not_known"]["arrests.csv"]
        + dirt["impossible_date"]["arrests.csv"],
        "outcomes": dirt["exact_duplicates"]["outcomes.csv"]
        + dirt["outcome_after_extract_end"]["outcomes.csv"]
        + dirt["outcome_before_arrest"]["outcomes.csv"],
        "interventions": 0,
    }
    assert {entry.extract: entry.set_aside for entry in found.loaded.accounting} == bad
    adults = {name: dirt["adult_age"][f"{name}.csv"] for name in ("arrests", "searches")}
    files = {"census": "population.csv"} | {name: f"{name}.csv" for name in bad if name != "census"}
    for entry in found.loaded.accounting:
        assert entry.read == found.truth.rows[files[entry.extract]]
        assert entry.out_of_scope == adults.get(entry.extract, 0)
        assert entry.used == entry.read - entry.set_aside - entry.out_of_scope


def test_labels_and_disagreements_are_those_that_were_put_in(found: Found) -> None:
    dirt = found.truth.dirt
    assert account(found, "arrests").unmapped_ethnicity == dirt["code_O1_in_18_plus_1"]["arrests.csv"]
    assert found.loaded.disagreements["disagree_broad"] == dirt["conflicting_ethnicity_children"]["outcomes.csv"]


def test_the_study_counts_what_is_inside_and_allows_for_seeds() -> None:
    # Seed 1 holds both truths, seed 2 one of two: 3 of 4, and the error of the mean of 1 and 0.5 is 0.25.
    intervals = pd.DataFrame({
        "measure": "rate", "seed": [1, 1, 2, 2], "truth": 2.0, "estimate": 2.0,
        "lower": [1.0, 2.0, 1.0, 2.5], "upper": [4.0, 4.0, 2.0, 5.0],
    })  # fmt: skip
    row = coverage.tally(intervals).loc["rate"]
    assert row[["intervals", "held", "error", "below", "above"]].tolist() == [4, 0.75, 0.25, 0.25, 0]
    assert row["spread"] == 2
    assert row["middle"] == 1


def test_the_study_replaces_only_the_tables_of_its_document(tmp_path: Path) -> None:
    path = tmp_path / "study.md"
    path.write_text("Before\n<!-- tables: begin -->\nold\n<!-- tables: end -->\nAfter\n", encoding="utf-8")
    coverage.write_tables(path, "new\n")
    assert path.read_text(encoding="utf-8") == ("Before\n<!-- tables: begin -->\nnew\n<!-- tables: end -->\nAfter\n")
