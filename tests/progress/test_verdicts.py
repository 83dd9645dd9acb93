"""Verdicts where what changed is known: laws, published cases by hand, and error rates in little (docs/progress.md)."""

from __future__ import annotations

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


def verdicts(
    then: dict[str, tuple[float, float]], now: dict[str, tuple[float, float]], *, area: str = "All", **columns: object
) -> pd.DataFrame:
    """The verdict on Black children beside White, of plain counts: group to (events, base)."""
    frames = []
    for period, given in ((THEN, then), (NOW, now)):
        frame = pd.DataFrame(
            [
                {"group": group, "numerator": float(events), "denominator": float(base)}
                for group, (events, base) in given.items()
            ]
        ).assign(measure="entrants", period=period, area=area, level="broad", status="ok", disclosure="shown")
        total = frame[["numerator", "denominator"]].sum()
        known = frame[frame["group"] != "Unknown"][["numerator", "denominator"]].sum()
        totals = [frame.iloc[[0]].assign(group=name, **sums) for name, sums in (("All", total), ("Known", known))]
        frames.append(pd.concat([frame, *totals]))
    table = results({"entrants": pd.concat(frames, ignore_index=True)})
    asked = wanted(1).query("measure == 'entrants' and group == 'Black'").assign(area=area, **columns)
    return judge(changes(asked, released_rows(table)), Judging())


LARGE = {"Black": (2000.0, 300_000.0), "White": (4000.0, 1_500_000.0), "Unknown": (300.0, 0.0)}


@pytest.mark.parametrize(
    ("now", "verdict", "reason"),
    [
        ({}, "no clear change", "unchanged"),
        ({"Black": (1400.0, 300_000.0)}, "improving", "better"),
        ({"Black": (2600.0, 300_000.0)}, "worsening", "rate_worse"),
        # the ratio falls, and the group is worse off: no progress
        ({"Black": (2600.0, 300_000.0), "White": (8000.0, 1_500_000.0)}, "worsening", "rate_worse"),
        # both rates fall alike
        ({"Black": (1400.0, 300_000.0), "White": (2800.0, 1_500_000.0)}, "no clear change", "unchanged"),
        # the ratio falls since the reference got worse
        ({"Black": (1700.0, 300_000.0), "White": (7000.0, 1_500_000.0)}, "no clear change", "reference_worse"),
        # the group's rate falls, that of the reference falls more: the ratio is worse
        ({"Black": (1700.0, 300_000.0), "White": (2400.0, 1_500_000.0)}, "worsening", "ratio_worse"),
        # 600 of the group's events are now of unknown ethnicity
        ({"Black": (1400.0, 300_000.0), "Unknown": (900.0, 0.0)}, "insufficient evidence", "recording"),
        ({"Black": (1300.0, 300_000.0), "Unknown": (500.0, 0.0)}, "improving", "better"),
    ],
)  # fmt: skip
def test_level_and_ratio_are_judged_together(now: dict[str, tuple[float, float]], verdict: str, reason: str) -> None:
    row = verdicts(LARGE, LARGE | now).iloc[0]
    assert (row["verdict"], row["reason"]) == (verdict, reason)


def test_where_the_group_was_not_worse_off_there_is_no_gap_to_close() -> None:
    then = {"Black": (600.0, 300_000.0), "White": (4000.0, 1_500_000.0), "Unknown": (300.0, 0.0)}
    row = verdicts(then, then | {"Black": (400.0, 300_000.0)}).iloc[0]
    assert (row["verdict"], row["reason"]) == ("no clear change", "no_gap")


@pytest.mark.parametrize(("target", "verdict"), [(2.0, "met"), (1.75, "improving"), (1.2, "improving")])
def test_a_target_is_met_by_more_than_chance(target: float, verdict: str) -> None:
    """A ratio of 1.75 that is just what the target asks is not yet shown to meet it."""
    now = LARGE | {"Black": (1400.0, 300_000.0)}
    assert verdicts(LARGE, now, target_ratio=target).iloc[0]["verdict"] == verdict


def test_a_target_that_was_met_by_a_worse_reference_is_not() -> None:
    now = LARGE | {"White": (6500.0, 1_500_000.0)}
    assert verdicts(LARGE, now, target_ratio=2.0).iloc[0]["verdict"] == "no clear change"


def test_a_baseline_by_values_has_no_chance_in_it() -> None:
    row = verdicts(LARGE, LARGE, baseline="", base_rate=2 * 2000 / 300_000, base_ratio=5.0).iloc[0]
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
    """In little: 120 registers, so that 5 of 100 are exceeded by chance (12 or more) once in 100."""
    share = false_verdicts(judged(scenario, regions=120, volume=4.0, seed=11), scenario)  # type: ignore[arg-type]
    assert share["any"] <= stats.binom.ppf(0.99, 120, 0.05) / 120


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
