"""Bounds for unknown ethnicity against every possible allocation, listed one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.frames import NAN, changed, counts, is_blank, row, with_totals
from yjd import metrics
from yjd.errors import EstimationError
from yjd.metrics.verdict import VERDICTS, missing_verdict
from yjd.schema import RESULT_COLUMNS

GROUPS = ("Black", "Mixed", "White")
Counts = dict[str, tuple[int, int]]


def splits(n: int) -> Iterator[tuple[int, int, int]]:
    for first, second in itertools.product(range(n + 1), repeat=2):
        if first + second <= n:
            yield first, second, n - first - second


def every_ratio(known: Counts, unknown: tuple[int, int], kind: str, group: str, reference: str) -> Iterator[float]:
    """The ratio under each allocation of the unknown to the three groups."""
    events, base = unknown
    rest = base - events if kind == "proportion" else base
    for given_events, given_rest in itertools.product(splits(events), splits(rest)):
        full = {}
        for name, more, others in zip(GROUPS, given_events, given_rest, strict=True):
            a, A = known[name]
            full[name] = (a + more, A + others + (more if kind == "proportion" else 0))
        if reference == "others":
            against = [full[name] for name in GROUPS if name != group]
        elif reference == "everyone":
            against = list(full.values())
        else:
            against = [full[reference]]
        b, B = sum(side[0] for side in against), sum(side[1] for side in against)
        yield (full[group][0] / full[group][1]) / (b / B)


@st.composite
def small_counts(draw: st.DrawFn, kind: str) -> tuple[Counts, tuple[int, int]]:
    def cell(smallest: int, base_least: int) -> tuple[int, int]:
        a = draw(st.integers(smallest, 4))
        return a, draw(st.integers(max(a if kind == "proportion" else 0, base_least), 9))

    events = draw(st.integers(0, 3))
    base = draw(st.integers(events, events + 3)) if kind == "proportion" else draw(st.integers(0, 3))
    return {"Black": cell(0, 1), "Mixed": cell(0, 1), "White": cell(1, 1)}, (events, base)


@pytest.mark.parametrize("reference", ["White", "others", "everyone"])
@pytest.mark.parametrize("kind", ["proportion", "rate"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_bounds_are_the_least_and_the_greatest_of_all_allocations(
    kind: str, reference: str, data: st.DataObject
) -> None:
    known, unknown = data.draw(small_counts(kind))
    frame = with_totals(counts(known | {"Unknown": unknown}))
    # Unknown as a row of its own, or only as the difference of All and Known
    left_out = data.draw(st.sampled_from([[], ["All", "Known"], ["Unknown"]]))
    frame = frame[~frame["group"].isin(left_out)]
    found = row(metrics.missing_bounds(frame, kind=kind, reference=reference), "Black")
    ratios = list(every_ratio(known, unknown, kind, "Black", reference))
    assert (found["lower"], found["upper"]) == pytest.approx((min(ratios), max(ratios)))
    assert found["lower"] * (1 - 1e-12) <= found["estimate"] <= found["upper"] * (1 + 1e-12)


def test_a_population_has_no_unknown() -> None:
    # 5 unknown arrests: all Black, 17 of 3,000 against 40 of 30,000;
    # all White, 12 of 3,000 against 45 of 30,000
    frame = counts({"Black": (12, 3000), "White": (40, 30000), "Unknown": (5, NAN)})
    found = row(metrics.missing_bounds(frame, kind="rate"), "Black")
    assert (found["lower"], found["upper"]) == pytest.approx((12 / 3 / 1.5, 17 / 3 / (4 / 3)))
    assert found["estimate"] == pytest.approx(3)
    assert found["method"] == "allocation"


def test_events_and_the_rest_are_allocated_apart_for_a_proportion() -> None:
    # 10 of 20 and 10 of 40 known; unknown 4 with the event, 8 without. Events are shared half and half;
    # of the 40 known without it Black has 10, so a quarter: 12 of 24 against 12 of 48
    frame = counts({"Black": (10, 20), "White": (10, 40), "Unknown": (4, 12)})
    found = row(metrics.missing_bounds(frame, kind="proportion"), "Black")
    assert found["estimate"] == pytest.approx((12 / 24) / (12 / 48))
    assert found["upper"] == pytest.approx((14 / 24) / (10 / 48))
    assert found["lower"] == pytest.approx((10 / 28) / (14 / 44))


def test_no_unknown_recorded_is_not_the_same_as_none() -> None:
    rows = {"Black": (10, 20), "White": (10, 40)}
    found = row(metrics.missing_bounds(counts(rows), kind="proportion"), "Black")
    assert found["status"] == "not_available"
    assert is_blank(found)
    none = row(metrics.missing_bounds(counts(rows | {"Unknown": (0, 0)}), kind="proportion"), "Black")
    assert (none["lower"], none["estimate"], none["upper"]) == pytest.approx((2, 2, 2))


def test_more_unknown_events_than_unknown_children_is_inconsistent() -> None:
    frame = counts({"Black": (10, 20), "White": (10, 40), "Unknown": (4, 3)})
    assert set(metrics.missing_bounds(frame, kind="proportion")["status"]) == {"inconsistent"}


def test_hidden_unknown_hides_the_bounds() -> None:
    frame = changed(counts({"Black": (10, 20), "White": (10, 40), "Unknown": (4, 9)}), "Unknown", disclosure="hidden")
    found = metrics.missing_bounds(frame, kind="proportion")
    assert set(found["status"]) == {"hidden"}
    assert set(found["disclosure"]) == {"hidden"}
    assert is_blank(found, counts_too=True)


def test_a_known_total_smaller_than_the_reference_is_inconsistent() -> None:
    frame = counts({"Black": (0, 20), "White": (10, 40), "Known": (0, 60), "Unknown": (1, 9)})
    assert set(metrics.missing_bounds(frame, kind="rate")["status"]) == {"inconsistent"}


def test_a_known_total_without_a_base_cannot_share_out_the_unknown() -> None:
    frame = counts({"Black": (3, 20), "White": (10, 40), "Known": (13, NAN), "Unknown": (1, 9)})
    assert set(metrics.missing_bounds(frame, kind="rate")["status"]) == {"not_available"}


# The verdict


def verdict(rows: dict[str, tuple[float, float]], *, kind: str = "rate", **keys: str) -> pd.Series:
    """The verdict on Black against White."""
    frame = counts(rows, **keys)
    results = pd.concat([metrics.relative_rate(frame, kind=kind), metrics.missing_bounds(frame, kind=kind)])
    return row(missing_verdict(results), "Black")


@pytest.mark.parametrize(
    ("black", "unknown", "estimate", "status"),
    [
        # 30 of 1,000 against 10 of 1,000 known; all 25 unknown to White make it 30 against 35
        (30, 25, 1, "ok"),
        (30, 20, 1, "ok"),  # 30 against 30: the bounds reach 1
        (30, 19, 0, "ok"),
        (30, 0, 0, "ok"),
        # 1 against 10, the other side: 9 unknown to Black make it 10 against 10
        (1, 8, 0, "ok"),
        (1, 9, 1, "ok"),
        (12, 5, NAN, "no_difference"),
        (0, 5, 0, "ok"),
    ],
)
def test_could_the_missing_alone_explain_the_difference(black: int, unknown: int, estimate: float, status: str) -> None:
    found = verdict({"Black": (black, 1000), "White": (10, 1000), "Unknown": (unknown, NAN)})
    assert (found["quantity"], found["status"]) == ("missing_explains", status)
    assert found["estimate"] == pytest.approx(estimate, nan_ok=True)
    assert found["method"] == ("bounds" if status == "ok" else "")
    assert (found["numerator"], found["reference_numerator"]) == (black, 10)
    assert np.isnan(found[["lower", "upper", "p_value"]].to_numpy(dtype=float)).all()
    assert set(VERDICTS) == {0, 1}


def test_the_verdict_is_for_each_level_of_confidence() -> None:
    frame = counts({"Black": (18, 1000), "White": (8, 1000), "Unknown": (3, NAN)})
    results = pd.concat([
        metrics.relative_rate(frame, kind="rate", confidence=[0.9, 0.999]), metrics.missing_bounds(frame, kind="rate")
    ])  # fmt: skip
    found = missing_verdict(results).set_index("confidence")
    assert found["status"].to_dict() == {0.9: "ok", 0.999: "no_difference"}
    assert list(missing_verdict(results).columns) == list(RESULT_COLUMNS)


def test_bounds_are_found_in_any_order_of_rows() -> None:
    rows = {"Black": (18, 1000), "Asian": (30, 900), "White": (8, 1000), "Unknown": (3, NAN)}
    frame = pd.concat([counts(rows).assign(period="2020"), counts(rows | {"Asian": (9, 700)}).assign(period="2021")])
    ratios = metrics.relative_rate(frame, kind="rate", confidence=[0.9, 0.999])
    bounds = metrics.missing_bounds(frame, kind="rate")
    usual = missing_verdict(pd.concat([ratios, bounds]))
    for other in (bounds.iloc[::-1], bounds.iloc[[2, 0, 3, 1]]):
        pd.testing.assert_frame_equal(missing_verdict(pd.concat([other, ratios])), usual)
    some = missing_verdict(pd.concat([ratios, bounds.iloc[:2]]))  # as many as before, but not of every row
    pd.testing.assert_frame_equal(some.iloc[:4], usual.iloc[:4])
    assert set(some["status"].iloc[4:]) <= {"not_available", "no_difference"}


def test_without_bounds_there_is_no_verdict() -> None:
    rows = {"Black": (30, 1000), "White": (10, 1000)}
    assert verdict(rows)["status"] == "not_available"
    frame = counts(rows | {"Unknown": (5, NAN)})
    alone = missing_verdict(metrics.relative_rate(frame, kind="rate"))
    assert set(alone["status"]) == {"not_available"}
    assert is_blank(alone, counts_too=True)
    hidden = changed(frame, "Unknown", disclosure="hidden")
    results = pd.concat([metrics.relative_rate(frame, kind="rate"), metrics.missing_bounds(hidden, kind="rate")])
    found = row(missing_verdict(results), "Black")
    assert (found["status"], found["disclosure"]) == ("hidden", "hidden")
    assert is_blank(found, counts_too=True)


@pytest.mark.parametrize("group", ["Black", "White"])
def test_a_hidden_or_absent_ratio_has_no_verdict(group: str) -> None:
    frame = counts({"Black": (30, 1000), "White": (10, 1000), "Unknown": (5, NAN)})
    for change, status in (({"disclosure": "hidden"}, "hidden"), ({"status": "censored"}, "censored")):
        broken = changed(frame, group, **change)
        results = pd.concat([metrics.relative_rate(broken, kind="rate"), metrics.missing_bounds(broken, kind="rate")])
        found = row(missing_verdict(results), "Black")
        assert found["status"] == status
        assert is_blank(found, counts_too=True)
        if status == "hidden":
            assert found["disclosure"] == "hidden"
    broken = changed(frame, group, status="break")
    results = pd.concat([metrics.relative_rate(broken, kind="rate"), metrics.missing_bounds(broken, kind="rate")])
    assert row(missing_verdict(results), "Black")[["status", "estimate"]].tolist() == ["break", 0]


def test_the_verdict_needs_results() -> None:
    with pytest.raises(EstimationError):
        missing_verdict(pd.DataFrame({"quantity": ["rri"]}))
    frame = counts({"Black": (30, 1000), "White": (10, 1000), "Unknown": (5, NAN)})
    assert missing_verdict(metrics.relative_rate(frame, kind="rate")[:0]).empty
