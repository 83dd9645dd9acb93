"""Verdicts where what changed is known: laws, published cases by hand, and error rates in little (docs/progress.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.progress.regions import GROUPS, NOW, THEN, Change, counts, expected, of, results, wanted
from tests.study.progress import SCENARIOS, false_verdicts, judged, power_row, ranks_held
from yjd.progress.changes import Periods, changes, released_rows
from yjd.progress.priorities import rank_intervals
from yjd.progress.verdicts import judge, with_detectable
from yjd.recommendations import Judging

Counts = dict[str, tuple[float, float]]  # of each group: events and base


def one_area(given: Counts, **keys: str) -> pd.DataFrame:
    """Counts with their totals."""
    rows = [
        {"group": group, "numerator": float(one), "denominator": float(base)} for group, (one, base) in given.items()
    ]
    frame = pd.DataFrame(rows)
    total, known = (part[["numerator", "denominator"]].sum() for part in (frame, frame[frame["group"] != "Unknown"]))
    totals = [pd.DataFrame([{"group": name, **sums}]) for name, sums in (("All", total), ("Known", known))]
    return pd.concat([frame, *totals]).assign(
        measure="entrants", level="broad", status="ok", disclosure="shown", **keys
    )


def verdicts(cases: Sequence[tuple[Counts, Counts]], **columns: object) -> pd.DataFrame:
    """The verdict on Black children beside White in each case, each a register by itself."""
    areas = [f"a{number}" for number in range(len(cases))]
    frames = [
        one_area(given, area=area, period=period)
        for area, pair in zip(areas, cases, strict=True)
        for period, given in zip((THEN, NOW), pair, strict=True)
    ]
    table = released_rows(results({"entrants": pd.concat(frames, ignore_index=True)}))
    asked = wanted(1).query("measure == 'entrants' and group == 'Black'")
    asked = pd.concat([asked.assign(area=area, **columns) for area in areas])
    return judge(changes(asked, table), Judging(), family=np.arange(len(cases)))


LARGE: Counts = {"Black": (2000, 300_000), "White": (4000, 1_500_000), "Unknown": (300, 0)}
NOT_WORSE_OFF: Counts = {"Black": (600, 300_000), "White": (4000, 1_500_000), "Unknown": (300, 0)}
CASES: list[tuple[str, Counts, Counts, str, str]] = [
    ("nothing changes", LARGE, {}, "no clear change", "unchanged"),
    ("the rate falls", LARGE, {"Black": (1400, 300_000)}, "improving", "better"),
    ("the rate rises", LARGE, {"Black": (2600, 300_000)}, "worsening", "rate_worse"),
    ("the ratio falls, and the group is worse off: no progress",
     LARGE, {"Black": (2600, 300_000), "White": (8000, 1_500_000)}, "worsening", "rate_worse"),
    ("both rates fall alike",
     LARGE, {"Black": (1400, 300_000), "White": (2800, 1_500_000)}, "no clear change", "unchanged"),
    ("the ratio falls since the reference got worse",
     LARGE, {"Black": (1700, 300_000), "White": (7000, 1_500_000)}, "no clear change", "reference_worse"),
    ("the group's rate falls, that of the reference more",
     LARGE, {"Black": (1700, 300_000), "White": (2400, 1_500_000)}, "worsening", "ratio_worse"),
    ("600 more of unknown ethnicity, by whom the group's events are fewer",
     LARGE, {"Black": (1400, 300_000), "Unknown": (900, 0)}, "insufficient evidence", "recording"),
    ("200 more, which do not make up for the fall",
     LARGE, {"Black": (1300, 300_000), "Unknown": (500, 0)}, "improving", "better"),
    ("no gap to close", NOT_WORSE_OFF, {"Black": (400, 300_000)}, "no clear change", "no_gap"),
]  # fmt: skip


def test_level_and_ratio_are_judged_together() -> None:
    found = verdicts([(then, then | now) for _, then, now, _, _ in CASES])
    told = list(zip([case[0] for case in CASES], found["verdict"], found["reason"], strict=True))
    assert told == [(words, verdict, reason) for words, _, _, verdict, reason in CASES]


@pytest.mark.parametrize(("target", "verdict"), [(2.0, "met"), (1.75, "improving"), (1.2, "improving")])
def test_a_target_is_met_by_more_than_chance(target: float, verdict: str) -> None:
    """A ratio of 1.75 that is just what the target asks is not yet shown to meet it."""
    now = LARGE | {"Black": (1400.0, 300_000.0)}
    assert verdicts([(LARGE, now)], target_ratio=target).iloc[0]["verdict"] == verdict


def test_a_target_that_was_met_by_a_worse_reference_is_not() -> None:
    now = LARGE | {"White": (6500.0, 1_500_000.0)}
    assert verdicts([(LARGE, now)], target_ratio=2.0).iloc[0]["verdict"] == "no clear change"


def test_a_baseline_by_values_has_no_chance_in_it() -> None:
    row = verdicts([(LARGE, LARGE)], baseline="", base_rate=2 * 2000 / 300_000, base_ratio=5.0).iloc[0]
    assert row["verdict"] == "improving"
    # the exact interval of a Poisson count: 2,000 of 4,000 expected
    assert row["rate_change"] == pytest.approx(np.log(0.5))
    assert np.exp(row["rate_change_upper"]) == pytest.approx(stats.chi2.ppf(0.975, 4002) / 2 / 4000, rel=1e-4)


def test_a_break_and_an_overlap_are_refused() -> None:
    frame = expected(volume=1)["entrants"]
    broken = frame.assign(status=frame["status"].mask(frame["period"] == NOW, "break"))
    asked = wanted(1).query("measure == 'entrants'")
    found = judge(changes(asked, released_rows(results({"entrants": broken}))), Judging())
    assert set(found["verdict"]) == {"not measurable with this data"}
    assert set(found["reason"]) == {"break"}
    shares = Periods({THEN: "2020-04-01", NOW: "2022-04-01"}, {THEN: "2023-03-31", NOW: "2025-03-31"})
    rows = released_rows(results({"entrants": frame}))
    assert set(changes(asked, rows, periods=shares)["status"]) == {"overlap"}


def test_hidden_counts_allow_no_verdict() -> None:
    frame = expected(volume=10)["entrants"]
    asked = wanted(1).query("measure == 'entrants' and group == 'Black'")
    for group, verdict, reason in (
        ("Black", "not measurable with this data", "hidden"),
        ("Unknown", "insufficient evidence", "unknown_hidden"),
    ):
        changed = frame.copy()
        changed.loc[(changed["group"] == "Black") & (changed["period"] == NOW), "numerator"] *= 0.5
        changed.loc[(changed["group"] == group) & (changed["period"] == NOW), "disclosure"] = "hidden"
        found = judge(changes(asked, released_rows(results({"entrants": changed}))), Judging()).iloc[0]
        assert (found["verdict"], found["reason"]) == (verdict, reason)


def test_a_comparison_that_two_recommendations_name_is_one_test() -> None:
    asked = wanted(1)
    rows = released_rows(results(counts(Change(), regions=1, volume=1, seed=3)))
    once = judge(changes(asked, rows), Judging())
    twice = judge(changes(pd.concat([asked, asked]), rows), Judging())
    assert set(once["tests"]) == set(twice["tests"]) == {8}
    pd.testing.assert_series_equal(once["q_value"], twice["q_value"].iloc[:8])


def test_q_values_are_holm_s() -> None:
    """The third of Holm's steps by hand, of the p-values that the table itself gives."""
    found = judge(changes(wanted(1), released_rows(results(counts(Change(), regions=1, volume=1, seed=3)))), Judging())
    p_value = np.sort(found["p_value"].to_numpy())
    by_hand = np.minimum(np.maximum.accumulate(p_value * np.arange(8, 0, -1)), 1)
    np.testing.assert_allclose(np.sort(found["q_value"].to_numpy()), by_hand)


def test_more_periods_together_show_more() -> None:
    asked = wanted(1, targets={"entrants": 1.6}).query("measure == 'entrants' and group == 'Black'")
    judging = Judging()
    needed = []
    for volume in (0.7, 1.0, 2.0, 20.0):
        rows = released_rows(results(expected(volume=volume)))
        needed.append(with_detectable(judge(changes(asked, rows), judging), judging)["periods_until_visible"].iloc[0])
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] == 0
    assert needed[0] == np.inf  # the baseline alone is too small


@pytest.mark.parametrize(
    "scenario", [SCENARIOS[0], SCENARIOS[2], SCENARIOS[5], SCENARIOS[9]], ids=lambda one: one.words
)
def test_false_verdicts_are_as_rare_as_is_stated(scenario: object) -> None:
    """In little: 100 registers, where 5 of 100 are exceeded by as much once in 100."""
    share = false_verdicts(judged(scenario, regions=100, volume=4.0, seed=11), scenario)  # type: ignore[arg-type]
    assert share["any"] <= stats.binom.ppf(0.99, 100, 0.05) / 100


def test_a_real_change_is_found_as_often_as_is_stated() -> None:
    factor, share = power_row(4.0, "entrants", "Black", regions=150, seed=5)
    assert 0.6 < factor < 0.85
    assert abs(share - 0.8) < 3 * np.sqrt(0.16 / 150)


def test_rank_intervals_hold_all_ranks() -> None:
    assert ranks_held(200, seed=1) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 200)
    value = np.array([50.0, 10.0, 9.0])
    width = np.array([5.0, 3.0, 3.0])
    best, worst = rank_intervals(value, value - width, value + width, level=0.95, confidence=0.95)
    assert best.tolist() == [1, 2, 2]
    assert worst.tolist() == [1, 3, 3]


def test_groups_and_factors_of_the_simulation() -> None:
    frame = counts(Change({"entrants": of(Black=0.5)}), regions=50, volume=10, seed=2)["entrants"]
    sums = frame.groupby(["period", "group"])["numerator"].sum()
    assert sums[NOW, "Black"] / sums[THEN, "Black"] == pytest.approx(0.5, rel=0.03)
    assert sums[NOW, "Known"] == sum(sums[NOW, group] for group in GROUPS)
