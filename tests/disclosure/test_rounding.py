"""Rounded counts that still add up: in every table, over stages and over periods; and what rounding alone protects."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from tests.disclosure.tables import KEYS, links
from yjd.disclosure import Rules, audit, protect
from yjd.schema import CELL_COLUMNS

GROUPS = ("Asian", "Black", "Mixed", "White")
AREAS = ("Coventry", "Dudley", "Walsall")
SEXES = ("Female", "Male")
STAGES = {"outcomes": ("precourt", "court")}
YEARS = ("2021-22", "2022-23")
LINKS = links(
    subsets={"precourt": "outcomes", "court": "outcomes"}, parts=[("outcomes", ("precourt", "court"))],
    related_periods={"both": YEARS}, denominators=[("precourt", "outcomes")],
    periods_add_up=frozenset(["outcomes", "precourt", "court"]), public_stages=frozenset(["population"]),
)  # fmt: skip


def rules(**changes):
    given = {
        "minimum_count": 5, "zero_safe": False, "minimum_denominator": 0, "minimum_children": 0,
        "largest_share_percent": 100, "interval_width": 3, "method": "hide_and_round", "round_to": 5,
    }  # fmt: skip
    return Rules(**(given | changes))


def region(seed, mean=30.0):
    """Both stages by area and by sex, with groups and totals, in two years and both together."""
    random = np.random.default_rng(seed)
    shape = (2, len(YEARS), len(AREAS), len(SEXES), len(GROUPS))
    counts = random.poisson(mean * random.gamma(1.0, size=shape))
    rows = []
    for stage, period, area, sex, group in itertools.product(
        (*STAGES["outcomes"], "outcomes", "population"),
        (*YEARS, "both"),
        ("All", *AREAS),
        ("All", *SEXES),
        ("All", *GROUPS),
    ):
        if area != "All" and sex != "All":
            continue
        own = counts if stage in ("outcomes", "population") else counts[[STAGES["outcomes"].index(stage)]]
        own = own if period == "both" else own[:, [YEARS.index(period)]]
        own = own if area == "All" else own[:, :, [AREAS.index(area)]]
        own = own if sex == "All" else own[:, :, :, [SEXES.index(sex)]]
        own = own if group == "All" else own[..., [GROUPS.index(group)]]
        keys = {"stage": stage, "period": period, "area": area, "sex": sex, "group": group}
        rows.append(KEYS | keys | {"n": float(own.sum()), "status": "ok", "disclosure": "shown"})
    return pd.DataFrame(rows)[list(CELL_COLUMNS)]


def sums_that_fail(table):
    """Published sums whose shown parts and total do not add up: each written down here by hand."""
    n = table.set_index(["stage", "period", "area", "sex", "group"])["n"]
    failing = []

    def look(total, parts):
        values = [n.get(part, np.nan) for part in parts]
        if total in n.index and not np.isnan([n[total], *values]).any() and n[total] != sum(values):
            failing.append(total)

    for stage, period, area, sex, group in n.index:
        if stage == "population":
            continue
        if area == "All":
            look((stage, period, area, sex, group), [(stage, period, one, sex, group) for one in AREAS])
        if sex == "All":
            look((stage, period, area, sex, group), [(stage, period, area, one, group) for one in SEXES])
        if group == "All":
            look((stage, period, area, sex, group), [(stage, period, area, sex, one) for one in GROUPS])
        if period == "both":
            look((stage, period, area, sex, group), [(stage, year, area, sex, group) for year in YEARS])
        if stage == "outcomes":
            look((stage, period, area, sex, group), [(one, period, area, sex, group) for one in STAGES["outcomes"]])
    return failing


@pytest.mark.parametrize("seed", range(3))
def test_rounded_counts_add_up_in_every_table(seed):
    table = region(seed)
    released = protect(table, rules(), LINKS)
    assert sums_that_fail(released) == []
    own = released["disclosure"] == "rounded"
    assert (released.loc[own, "n"] % 5 == 0).all()
    simple = own & released["stage"].isin(["precourt", "court"]) & (released["period"] != "both")
    assert ((released["n"] - table["n"])[simple].abs() < 5).all()
    whole = own & (released["stage"] == "outcomes") & (released["period"] == "both")
    assert ((released["n"] - table["n"])[whole].abs() < 5 * 4).all()  # the sum of four rounded counts
    public = released["stage"] == "population"
    assert (released.loc[public, "n"] == table.loc[public, "n"]).all()
    assert set(released.loc[public, "disclosure"]) == {"shown"}
    assert released.loc[released["disclosure"] == "hidden", "n"].isna().all()


def test_to_the_nearest_multiple_would_not_add_up():
    """The control: what the sums above would be if each count were rounded by itself."""
    table = region(0)
    assert sums_that_fail(table) == []
    nearest = table.assign(n=(np.floor(table["n"] / 5 + 0.5) * 5).where(table["stage"] != "population", table["n"]))
    assert len(sums_that_fail(nearest)) > 20


@pytest.mark.parametrize("method", ["hide_and_round", "round"])
def test_the_audit_knows_what_rounding_leaves_open(method):
    asked = rules(method=method)
    table = region(1, mean=8.0)
    released = protect(table, asked, LINKS)
    assert audit([released], asked, LINKS, cells=table).empty
    assert (released["disclosure"] == "hidden").any() == (method == "hide_and_round")
    assert set(released["reason"]) == {""} if method == "round" else {""} < set(released["reason"])


def test_the_same_counts_are_rounded_the_same_whatever_their_order():
    table = region(2)
    first = protect(table, rules(), LINKS)
    shuffled = table.sample(frac=1, random_state=1)
    again = protect(shuffled, rules(), LINKS).loc[table.index]
    pd.testing.assert_frame_equal(again, first)
