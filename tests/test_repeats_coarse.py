"""What intervals tell of how many children stand behind a count."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from yjd.metrics import change, composition, rate, relative_rate
from yjd.metrics.counts import CHILD_SUMS, Kind
from yjd.metrics.shared_children import SUMS as SHARED
from yjd.repeats_coarse import coarse_shared, coarse_sums, open_shared
from yjd.schema import SPLITS

LEAST = 6


def counts(events: Sequence[int], squares: Sequence[float], base: float = 10_000.0) -> pd.DataFrame:
    """One group beside White and Known, in as many periods as are given; what others bring is not known exactly."""
    rows = []
    for place, (n, q) in enumerate(zip(events, squares, strict=True)):
        for group, a, s in (("Asian", n, q), ("White", 180, 220), ("Known", n + 180, 240)):
            rows.append({"period": str(place), "group": group, "numerator": float(a), "denominator": base, "s": s})
    frame = pd.DataFrame(rows).rename(columns={"s": CHILD_SUMS[0]})
    return frame.assign(**dict.fromkeys(CHILD_SUMS[1:], 0.0))


def partitions(n: int, largest: int) -> list[tuple[int, ...]]:
    """Every way to share n events out among children."""
    if n == 0:
        return [()]
    return [(k, *rest) for k in range(min(n, largest), 0, -1) for rest in partitions(n - k, k)]


@pytest.mark.parametrize("events", [6, 9, 14, 17])
def test_no_interval_tells_how_few_children_there_were(events: int) -> None:
    """Six arrests of one child and of two, ... : never fewer than 3 numbers of children for one interval."""
    ways = partitions(events, events)
    squares = sorted({sum(k * k for k in way) for way in ways})
    frame = coarse_sums(counts([events] * len(squares), squares), kind="rate", minimum=LEAST)
    found = rate(frame, kind="rate", per=1000)
    own = found[found["group"] == "Asian"]
    shown = dict(zip(own["period"], own["upper"].round(9).tolist(), strict=True))
    children: dict[float, set[int]] = {}
    for way in ways:
        children.setdefault(shown[str(squares.index(sum(k * k for k in way)))], set()).add(len(way))
    assert min(len(numbers) for numbers in children.values()) >= LEAST / 2


@pytest.mark.parametrize("events", [16, 20, 28])
def test_an_interval_leaves_a_hidden_number_of_children_open(events: int) -> None:
    """Children below the minimum are hidden where they are counted: the interval of their events must add nothing."""
    squares = np.arange(events, events**2 + 1)
    frame = coarse_sums(counts([events] * len(squares), squares.tolist()), kind="rate", minimum=LEAST)
    factor = frame.loc[frame["group"] == "Asian", CHILD_SUMS[0]].to_numpy() / events
    # at least as many children as independent events, and that many where all have as many events
    hidden = {value: {n for n in range(1, LEAST) for q in squares[factor == value] if n >= events**2 / q}
              for value in np.unique(factor)}  # fmt: skip
    assert min(len(left) for left in hidden.values() if left) == LEAST - 1


def test_the_factor_of_many_events_is_nearly_their_own() -> None:
    frame = coarse_sums(counts([4000], [7200.0]), kind="rate", minimum=LEAST)
    assert frame[CHILD_SUMS[0]].iloc[0] == pytest.approx(7200, abs=7 * LEAST)


def test_what_is_not_known_stays_so_and_the_frame_is_not_changed() -> None:
    given = counts([8, 9], [np.nan, 9.0])
    before = given.copy()
    found = coarse_sums(given, kind="rate", minimum=LEAST)
    pd.testing.assert_frame_equal(given, before)
    assert found[CHILD_SUMS[0]].isna().tolist() == given[CHILD_SUMS[0]].isna().tolist()


@pytest.mark.parametrize("kind", ["rate", "proportion"])
def test_any_counts_at_all_have_sums_that_metrics_take(kind: Kind) -> None:
    triples = itertools.product([0.0, 1.0, 7.0, 40.0], [0.0, 40.0, 1e6], [0.0, 1.0, 60.0, 4e6])
    given = pd.DataFrame(triples, columns=["numerator", "denominator", CHILD_SUMS[0]])
    given[CHILD_SUMS[1]] = given[CHILD_SUMS[0]] * (kind == "proportion")
    given[CHILD_SUMS[2]] = given[CHILD_SUMS[0]] * 2 * (kind == "proportion")
    given = given.assign(group="Asian", period=[str(place) for place in range(len(given))])
    found = coarse_sums(given, kind=kind, minimum=LEAST)
    assert np.isfinite(found[list(CHILD_SUMS)].to_numpy()).all()
    relative_rate(found, kind=kind, reference="others")


def test_a_proportion_keeps_its_factor() -> None:
    """Every child twice, both times alike: the factor is 2."""
    given = pd.DataFrame({"group": ["Known"], "numerator": [400.0], "denominator": [1000.0]})
    given = given.assign(**dict(zip(CHILD_SUMS, (800.0, 800.0, 2000.0), strict=True)))
    found = coarse_sums(given, kind="proportion", minimum=LEAST)
    squares, products, base_squares = found[list(CHILD_SUMS)].iloc[0]
    assert (squares - 0.8 * products + 0.16 * base_squares) / 240 == pytest.approx(2, abs=4 * LEAST / 400)
    assert squares / 400 == pytest.approx(2, abs=4 * LEAST / 400)


def test_shares_of_a_stage_keep_the_factor_of_its_events() -> None:
    """A third of children twice, of all outcomes and of those that were pre-court: shares rest on the squares alone."""
    given = pd.DataFrame({"group": ["Asian", "Known"], "numerator": [600.0, 3000.0], "denominator": [800.0, 4000.0]})
    sums = [(700.0, 750.0, 1000.0), (3500.0, 3750.0, 5000.0)]
    given = given.assign(**dict(zip(CHILD_SUMS, np.array(sums).T, strict=True)))
    found = composition(coarse_sums(given, kind="proportion", minimum=LEAST)).iloc[0]
    exact = composition(given).iloc[0]
    assert found["upper"] - found["lower"] == pytest.approx(exact["upper"] - exact["lower"], rel=0.02)


def test_no_interval_of_a_change_tells_how_few_children_are_in_both_years() -> None:
    def upper(both: float) -> float:
        shared = pd.DataFrame({"group": ["Asian"], "from_period": ["0"], "period": ["1"], "yy": [both]})
        shared = coarse_shared(shared.assign(**dict.fromkeys(SHARED[1:], 0.0)), minimum=LEAST)
        plain = counts([10, 12], [10, 12]).drop(columns=list(CHILD_SUMS))
        found = change(plain, kind="rate", pairs=[("0", "1")], shared=shared)
        return float(found.loc[found["group"] == "Asian", "upper"].iloc[0])

    assert len({upper(both) for both in range(LEAST)}) == 1
    assert upper(LEAST) != upper(0)


SPANS = {str(year): (float(year), year + 1.0) for year in range(4)} | {"0 to 2": (0.0, 3.0)}
ONCE = {"m": ["children"]}


@pytest.mark.parametrize(("stage", "period", "pair", "closed"), [
    ("children", "2", ("0", "1"), True),  # three years: no more than the two, less those in both, and the third
    ("children", "0", ("1", "2"), True),
    ("children", "3", ("0", "1"), False),  # in no longer period with them
    ("children", "3", ("2", "3"), False),
    ("events", "2", ("0", "1"), False),  # events add up: what is hidden is protected against that
    ("", "", ("0", "1"), False),
])  # fmt: skip
def test_children_in_two_years_do_not_narrow_how_many_there_were_in_a_third(
    stage: str, period: str, pair: tuple[str, str], closed: bool
) -> None:
    keys = {**dict.fromkeys(SPLITS, "All"), "level": "broad"}
    cells = pd.DataFrame([
        keys | {"stage": name, "period": time, "group": group,
                "disclosure": "hidden" if (name, time, group) == (stage, period, "Asian") else "shown"}
        for name in ("children", "events") for time in SPANS for group in ("Asian", "Black")
    ])  # fmt: skip
    shared = pd.DataFrame([
        keys | {"measure": "m", "from_period": pair[0], "period": pair[1], "group": group} | dict.fromkeys(SHARED, 12.0)
        for group in ("Asian", "Black", "White")
    ])  # fmt: skip
    for given in (shared, shared[shared["group"] != "Asian"]):  # without a row: nobody is in both
        found = open_shared(given, cells, ONCE, SPANS).set_index("group")["yy"]
        assert found[["Black", "White"]].tolist() == [12.0, 12.0]
        assert found.index.is_unique
        assert (("Asian" in found.index) and np.isnan(found["Asian"])) == closed


def test_a_third_year_would_be_told_by_children_in_the_other_two() -> None:
    """Why: 20 and 18 children, 6 of them in both; 36 in three years. So the third year has 4 at least."""
    plain = counts([20, 18], [20, 18]).drop(columns=list(CHILD_SUMS))
    shared = pd.DataFrame({"group": ["Asian"], "from_period": ["0"], "period": ["1"], "yy": [6.0]})
    shared = shared.assign(**dict.fromkeys(SHARED[1:], 0.0))
    found = change(plain, kind="rate", pairs=[("0", "1")], shared=shared).set_index("group").loc["Asian"]
    variance = (np.log(found["upper"] / found["lower"]) / (2 * 1.959964)) ** 2
    both = (1 / 20 + 1 / 18 - variance) * 20 * 18 / 2
    assert both == pytest.approx(6, abs=0.01)
    assert 36 - (20 + 18 - round(both)) == 4
