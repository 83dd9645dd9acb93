"""Changes against statsmodels with children as clusters (tests/reference/change.py, to 1e-8), and their laws."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import stats

from tests.metrics.series_frames import PERIODS, check_results, ordered, series, wild, with_status
from yjd import metrics
from yjd.errors import EstimationError
from yjd.metrics.change import change
from yjd.metrics.counts import Counts

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "change.csv", dtype={"period": "str"})
FEW = settings(max_examples=2, deadline=None)
KINDS = pytest.mark.parametrize("kind", ["rate", "proportion"])
PAIR = [("2010", "2011")]


def shared_of(counts: pd.DataFrame) -> pd.DataFrame:
    """Sums over shared children of the reference table, which stands beside the counts there."""
    later = counts[counts["period"] == "2021"]
    return later[["group", "period", "yy", "yx", "xy", "xx"]].assign(from_period="2020")


@KINDS
def test_the_interval_is_that_of_clustered_regression(kind: str) -> None:
    counts = REFERENCE[REFERENCE["kind"] == kind]
    expected = counts.iloc[0]
    options = {"kind": kind, "pairs": [("2020", "2021")], "shared": shared_of(counts)}
    found = [change(counts, **options), change(counts, **options, reference="White")]
    z = stats.norm.ppf(0.975)
    for name, results in zip(("change_rate", "change_rri"), found, strict=True):
        row = results[results["group"] == "Black"].iloc[0]
        value, error = expected[f"{name}_value"], expected[f"{name}_error"]
        logs = np.log(row[["estimate", "lower", "upper"]].astype(float))
        assert_allclose(logs, [value, value - z * error, value + z * error], rtol=1e-8)
        assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(value) / error), rel=1e-8)
        assert (row["quantity"], row["method"]) == (name, "log_delta_shared_by_child")
        assert (row["period"], row["term"]) == ("2021", "2020")


@pytest.mark.parametrize(("kind", "method"), [("rate", "exact"), ("proportion", "score")])
def test_where_nobody_is_in_both_a_change_is_a_relative_rate(kind: str, method: str) -> None:
    frame = series([30, 21], [200, 180])
    beside = frame.assign(group=["White", "Black"]).drop(columns="period")
    expected = metrics.relative_rate(beside, kind=kind).iloc[0]
    for options in ({}, {"shared": pd.DataFrame({"group": ["Asian"], "from_period": "2010", "period": "2011", "yy": 1.0,
                                                 "yx": 1.0, "xy": 1.0, "xx": 1.0})}):  # fmt: skip
        found = change(frame, kind=kind, pairs=PAIR, **options).iloc[0]
        names = ["estimate", "lower", "upper", "p_value", "reference_numerator", "reference_denominator"]
        assert_allclose(found[names].astype(float), expected[names].astype(float), rtol=1e-12)
        assert found["method"] == method


@KINDS
def test_the_change_of_a_ratio_is_the_ratio_of_ratios(kind: str) -> None:
    frame = pd.concat([series([30, 21], [200, 180]), series([50, 60], [500, 700], "White")])
    for reference in ("White", "others", "everyone"):
        rri = metrics.relative_rate(frame, kind=kind, reference=reference).set_index(["group", "period"])["estimate"]
        row = change(frame, kind=kind, pairs=PAIR, reference=reference).set_index("group").loc["Black"]
        assert row["estimate"] == pytest.approx(rri["Black", "2011"] / rri["Black", "2010"])
    there, back = (change(frame, kind=kind, pairs=PAIR, reference=name).iloc[0] for name in ("White", "Black"))
    assert_allclose(
        there[["estimate", "lower", "upper"]].astype(float), 1 / back[["estimate", "upper", "lower"]].astype(float)
    )
    base = 1 if kind == "proportion" else 0
    variance = 1 / 30 + 1 / 21 + 1 / 50 + 1 / 60 - base * (1 / 200 + 1 / 180 + 1 / 500 + 1 / 700)
    assert np.log(there["upper"] / there["lower"]) == pytest.approx(2 * stats.norm.ppf(0.975) * np.sqrt(variance))
    turned = change(frame, kind=kind, pairs=[("2011", "2010")], reference="White").iloc[0]
    assert turned["lower"] == pytest.approx(1 / there["upper"])


@KINDS
def test_the_interval_against_everyone_is_carried_over(kind: str) -> None:
    frame = pd.concat([series([30, 21], [200, 180]), series([50, 60], [500, 700], "White")])
    rows = {name: change(frame, kind=kind, pairs=PAIR, reference=name).iloc[0] for name in ("White", "everyone")}
    assert rows["everyone"]["upper"] / rows["everyone"]["lower"] < rows["White"]["upper"] / rows["White"]["lower"]
    # by differences: log index as a function of the log ratio to others, in each period
    logs, slopes = [], []
    for a, A, b, B in ((30, 200, 50, 500), (21, 180, 60, 700)):
        w, phi = A / (A + B), (a / A) / (b / B)

        def index(log: float, w: float = w) -> float:
            return log - np.log(w * np.exp(log) + 1 - w)

        slopes.append((index(np.log(phi) + 1e-5) - index(np.log(phi) - 1e-5)) / 2e-5)
        logs.append(1 / a + 1 / b - (1 / A + 1 / B if kind == "proportion" else 0))
    error = np.sqrt(sum(slope**2 * variance for slope, variance in zip(slopes, logs, strict=True)))
    spread = np.log(rows["everyone"]["upper"] / rows["everyone"]["lower"])
    assert spread == pytest.approx(2 * stats.norm.ppf(0.975) * error, rel=1e-8)


def repeated_children(size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Many studies of two groups of children whose tendency to have events lasts for both periods."""
    chance = np.random.default_rng(seed)
    counts, shared = [], []
    for group, children, level in (("Black", 150, 1.2), ("White", 300, 0.8)):
        tendency = chance.gamma(1.0, 1.0, (size, children))
        one, two = (chance.poisson(tendency * level * factor).astype(float) for factor in (1.0, 0.7))
        names = [f"{number:04d}" for number in range(size)]
        for period, events in (("2010", one), ("2011", two)):
            sums = {"numerator_squares": (events**2).sum(axis=1), "products": 0.0, "denominator_squares": 0.0}
            keys = {"measure": names, "group": group, "period": period}
            values = {"numerator": events.sum(axis=1), "denominator": float(children)}
            counts.append(pd.DataFrame(keys | values | sums))
        shared.append(pd.DataFrame(keys | {"from_period": "2010", "yy": (one * two).sum(axis=1)}))
    return pd.concat(counts), pd.concat(shared)


def test_coverage_with_children_in_both_periods() -> None:
    counts, shared = repeated_children(1500, 3)

    def coverage(reference: str | None, truth: float, given_sums: pd.DataFrame | None) -> float:
        found = change(counts, kind="rate", pairs=PAIR, reference=reference, shared=given_sums)
        found = found[found["group"] == "Black"]
        return float(((found["lower"] <= truth) & (truth <= found["upper"])).mean())

    assert 0.935 <= coverage(None, 0.7, shared) <= 0.97
    assert 0.935 <= coverage("White", 1.0, shared) <= 0.97
    assert coverage("White", 1.0, None) > 0.985  # without the sums it is too long


def test_sums_of_the_reference_are_those_of_its_groups() -> None:
    counts, shared = repeated_children(3, 5)
    options = {"kind": "rate", "pairs": PAIR, "shared": shared}
    named, others = (change(counts, reference=name, **options) for name in ("White", "others"))
    part = others[others["group"] == "Black"].reset_index(drop=True)
    assert_frame_equal(part.drop(columns="reference"), named.drop(columns="reference"))
    sums = ["numerator", "denominator", "numerator_squares", "products", "denominator_squares"]
    known = counts.groupby(["measure", "period"], as_index=False)[sums].sum().assign(group="Known")
    both = shared.groupby(["measure", "from_period", "period"], as_index=False)["yy"].sum().assign(group="Known")
    options["shared"] = pd.concat([shared, both])
    assert_frame_equal(change(pd.concat([counts, known]), reference="others", **options), others)
    # what is not known of the reference is not known of the ratio
    options["shared"] = shared.assign(yy=shared["yy"].where(shared["group"] != "White"))
    assert set(change(counts, reference="White", **options)["method"]) == {"log_delta_by_child"}


def test_counts_that_are_prepared_once_give_the_same() -> None:
    counts, shared = repeated_children(3, 5)
    prepared = Counts.of(counts)
    for sums in (shared, shared.assign(yy=2 * shared["yy"]), None):
        for reference in (None, "White", "others"):
            options = {"kind": "rate", "pairs": PAIR, "shared": sums, "reference": reference}
            assert_frame_equal(change(prepared, **options), change(counts, **options))
    for options in ({"breaks": ["2011"]}, {"breaks": {"": ["2011"]}}, {"times": {"2010": 1.0, "2011": 3.0}}, {}):
        options |= {"kind": "rate", "pairs": PAIR}
        assert_frame_equal(change(prepared, **options), change(counts, **options))


@pytest.mark.parametrize(
    ("events", "base", "reference", "status"),
    [
        ([0, 5], 50, None, "no_reference"),
        ([5, 0], 50, None, "ok"),
        ([0, 0], 50, None, "no_events"),
        ([5, 5], [0, 50], None, "no_reference"),
        ([5, 5], [50, 0], None, "no_denominator"),
        ([5, 5], [50, np.nan], None, "no_denominator"),
        ([5, 60], 50, None, "inconsistent"),
        ([5], 50, None, None),
        ([5, 0], 50, "White", "no_events"),
        ([0, 5], 50, "White", "no_reference"),
        ([50, 50], 50, None, "ok"),
    ],
)
def test_statuses(events: list[float], base: float, reference: str | None, status: str | None) -> None:
    frame = pd.concat([series(events, base), series([4, 4], 40, "White")])
    found = change(frame, kind="proportion", pairs=PAIR, reference=reference)
    found = found[found["group"] == "Black"]
    assert found["status"].tolist() == ([] if status is None else [status])
    check_results(found)


def test_where_nothing_varies_there_is_no_interval() -> None:
    frame = pd.concat([series([50, 50], 50), series([40, 40], 40, "White")])
    assert change(frame, kind="proportion", pairs=PAIR, reference="White")["status"].tolist() == ["too_few"]


def test_an_earlier_period_that_is_not_there_is_no_reference() -> None:
    found = change(series([5, 6], 50), kind="rate", pairs=[("2009", "2011"), ("2010", "2012"), ("2010", "2011")])
    assert found[["term", "status"]].values.tolist() == [["2009", "no_reference"], ["2010", "ok"]]


def test_breaks_between_two_periods_are_said() -> None:
    frame = series([5, 6, 7], 50)
    pairs = [("2010", "2011"), ("2010", "2012"), ("2011", "2012")]
    expected = ["ok", "break", "break"]
    assert change(frame, kind="rate", pairs=pairs, breaks=["2012"])["status"].tolist() == expected
    assert change(with_status(frame, "2012", status="break"), kind="rate", pairs=pairs)["status"].tolist() == expected


@pytest.mark.parametrize("reference", [None, "White"])
@pytest.mark.parametrize("period", ["2010", "2011"])
def test_a_hidden_period_hides_the_change(period: str, reference: str | None) -> None:
    frame = pd.concat([series([5, 6], 50), series([4, 4], 40, "White")])
    frame = with_status(frame, period, disclosure="hidden")
    found = change(frame, kind="rate", pairs=PAIR, reference=reference)
    assert set(found["status"]) == {"hidden"}
    assert set(found["disclosure"]) == {"hidden"}
    check_results(found)


@pytest.mark.parametrize("with_shared", [True, False])
@KINDS
@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_any_counts_at_all(kind: str, with_shared: bool, seed: int) -> None:
    frame = wild(seed)
    chance = np.random.default_rng(seed)
    pairs = [*pairwise(PERIODS), ("2010", "2021")]
    shared = None
    if with_shared:
        shared = frame[["measure", "group", "period"]].sample(frac=0.6, random_state=1)
        shared = shared.assign(from_period=[str(int(name) - 1) for name in shared["period"]])
        for name in ("yy", "yx", "xy", "xx"):
            shared[name] = chance.choice([0.0, 1.0, 30.0, 1e7, np.nan], len(shared), p=[0.2, 0.3, 0.3, 0.1, 0.1])
    found = {
        name: change(frame, kind=kind, pairs=pairs, reference=name, shared=shared, confidence=[0.95, 0.998])
        for name in (None, "White", "others", "everyone")
    }
    together = pd.concat(list(found.values()), ignore_index=True)
    check_results(together)
    good = together[together["status"] == "ok"]
    assert (good["lower"] <= good["estimate"] * (1 + 1e-9)).all()
    assert (good["estimate"] <= good["upper"] * (1 + 1e-9)).all()
    hidden = frame["disclosure"].eq("hidden")
    swapped = frame.copy()
    swapped.loc[hidden, ["numerator", "denominator"]] = 7.0
    for name in (None, "White"):
        options = {"kind": kind, "pairs": pairs, "reference": name, "shared": shared, "confidence": [0.95, 0.998]}
        assert_frame_equal(found[name], change(swapped, **options))
        shuffled = change(frame.sample(frac=1, random_state=1), **options)
        assert_frame_equal(ordered(found[name]), ordered(shuffled), rtol=1e-9)


def test_counts_of_nothing_give_an_empty_table() -> None:
    empty = series([1], 1).iloc[:0]
    for reference in (None, "White"):
        assert change(empty, kind="rate", pairs=PAIR, reference=reference).empty
        assert change(series([1, 2], 5), kind="rate", pairs=[], reference=reference).empty


def test_wrong_calls_are_refused() -> None:
    frame = series([1, 2], 10)
    for pairs in (["2010", "2011"], "2010", [("2010", "2010")], [("2010", "2011")] * 2, [("2010",)]):
        with pytest.raises(EstimationError, match="pair"):
            change(frame, kind="rate", pairs=pairs)
    shared = pd.DataFrame({"group": ["Black"] * 2, "from_period": "2010", "period": "2011", "yy": 1.0})
    for wrong, match in (
        (shared, "repeat"),
        (shared.drop(columns="yy"), "yy"),
        (shared.assign(yy=-1.0)[:1], "negative"),
    ):
        with pytest.raises(EstimationError, match=match):
            change(frame, kind="rate", pairs=PAIR, shared=wrong)
