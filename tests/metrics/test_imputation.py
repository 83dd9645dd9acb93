"""Imputation: Rubin's rules against mice, a known truth found again, and what may never happen."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.metrics import unknown_simulation as made_up
from tests.metrics.frames import NAN, changed, counts, is_blank, row
from yjd.errors import EstimationError
from yjd.metrics.complete import allocate, impute
from yjd.metrics.counts import Counts
from yjd.metrics.imputation import allocated_ratio, imputed_ratio
from yjd.metrics.missing import missing_bounds
from yjd.metrics.relative import relative_rate
from yjd.metrics.rubin import pool, student_below, student_quantile
from yjd.schema import RESULT_COLUMNS

REFERENCE = Path(__file__).parents[1] / "reference" / "imputation.csv"
REFERENCES = ("White", "others", "everyone")
KINDS = ("proportion", "rate")


def strata(rows: list[tuple[str, str, str, float, float]]) -> pd.DataFrame:
    """(area, officer, group, numerator, denominator)"""
    return pd.DataFrame(rows, columns=["area", "officer", "group", "numerator", "denominator"])


def whole(fine: pd.DataFrame, kind: str, keys: tuple[str, ...] = ()) -> pd.DataFrame:
    """The counts that the strata add up to."""
    no_base = (fine["group"] == "Unknown") & (kind == "rate")
    given_base = fine.assign(denominator=fine["denominator"].mask(no_base))
    summed = given_base.groupby([*keys, "group"])[["numerator", "denominator"]]
    return summed.sum(min_count=1).reset_index()


TWO_AREAS = strata([
    ("North", "Black", "Black", 6, 10), ("North", "White", "White", 4, 20), ("North", "Black", "Unknown", 5, 8),
    ("North", "none", "Black", 2, 4), ("North", "none", "White", 1, 5),
    ("South", "White", "White", 9, 40), ("South", "Black", "Black", 3, 9), ("South", "none", "Unknown", 4, 10),
    ("South", "Black", "Asian", 2, 6), ("North", "White", "Asian", 2, 9),
])  # fmt: skip


# Rubin's rules


def _cases() -> list[dict[str, str]]:
    with REFERENCE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["case"])
def test_rubins_rules_are_those_of_mice(case: dict[str, str]) -> None:
    q, u = (np.array([float(text) for text in case[name].split(";")]) for name in ("estimates", "variances"))
    pooled = pool(q[:, None], u[:, None])
    for name in ("estimate", "variance", "degrees", "missing_information"):
        assert getattr(pooled, name)[0] == pytest.approx(float(case[name]), rel=1e-10), name
    error = np.sqrt(pooled.variance)
    reach = student_quantile(pooled.degrees, np.array([0.975])) * error
    assert (pooled.estimate - reach)[0] == pytest.approx(float(case["lower"]), rel=1e-8)
    assert (pooled.estimate + reach)[0] == pytest.approx(float(case["upper"]), rel=1e-8)
    p_value = 2 * student_below(pooled.degrees, -np.abs(pooled.estimate) / error)
    assert p_value[0] == pytest.approx(float(case["p_value"]), rel=1e-8)


def test_tables_that_agree_leave_the_normal_distribution() -> None:
    pooled = pool(np.full((5, 1), 0.3), np.full((5, 1), 0.04))
    assert (pooled.degrees[0], pooled.missing_information[0]) == (np.inf, 0)
    assert student_quantile(pooled.degrees, np.array([0.975]))[0] == pytest.approx(stats.norm.ppf(0.975))


def test_one_table_cannot_be_pooled() -> None:
    with pytest.raises(EstimationError):
        pool(np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(EstimationError):
        impute(TWO_AREAS, whole(TWO_AREAS, "rate"), kind="rate", imputations=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_is_rubins_rules_on_the_completed_tables(kind: str) -> None:
    table = whole(TWO_AREAS, kind)
    fine = TWO_AREAS if kind == "proportion" else TWO_AREAS.assign(denominator=NAN)
    done = impute(fine, table, kind=kind, imputations=30)
    found = row(imputed_ratio(done, table, kind=kind, confidence=0.9), "Black", quantity="rri_imputed")
    known = table.set_index("group")
    sides = []
    for group in ("Black", "White"):
        place = done.groups.index(group)
        a = known.loc[group, "numerator"] + done.events[:, 0, place]
        A = known.loc[group, "denominator"] + done.rest[:, 0, place]
        sides.append((a, A + (done.events[:, 0, place] if kind == "proportion" else 0)))
    (a, A), (b, B) = sides
    q = np.log(a / A / (b / B))
    u = 1 / a + 1 / b - (1 / A + 1 / B if kind == "proportion" else 0)
    between = (1 + 1 / 30) * q.var(ddof=1)
    degrees = 29 * (1 + u.mean() / between) ** 2
    limits = np.exp(stats.t(degrees, loc=q.mean(), scale=np.sqrt(u.mean() + between)).ppf([0.05, 0.95]))
    assert (found["estimate"], found["lower"], found["upper"]) == pytest.approx((np.exp(q.mean()), *limits))
    assert found["p_value"] == pytest.approx(2 * stats.t(degrees).sf(abs(q.mean()) / np.sqrt(u.mean() + between)))
    assert (found["method"], found["numerator"]) == ("rubin", known.loc["Black", "numerator"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reference", REFERENCES)
def test_without_unknown_it_is_the_complete_cases(kind: str, reference: str) -> None:
    fine = TWO_AREAS[TWO_AREAS["group"] != "Unknown"]
    nobody = pd.DataFrame({"group": ["Unknown"], "numerator": [0.0], "denominator": [0.0]})
    table = pd.concat([whole(fine, kind), nobody], ignore_index=True)
    options = {"kind": kind, "reference": reference}
    imputed = imputed_ratio(fine, table, **options)
    complete = relative_rate(table, method="katz", **options) if kind == "proportion" else None
    for group in ("Black", "Asian"):
        found = row(imputed, group, quantity="rri_imputed")
        assert row(imputed, group, quantity="missing_information")["estimate"] == 0
        assert row(allocated_ratio(fine, table, **options), group)["estimate"] == pytest.approx(found["estimate"])
        if complete is None:
            assert found["estimate"] == pytest.approx(row(relative_rate(table, **options), group)["estimate"])
            continue
        wanted = row(complete, group)
        for name in ("estimate", "lower", "upper", "p_value"):
            assert found[name] == pytest.approx(wanted[name]), name


def test_repeat_children_widen_the_interval() -> None:
    # every child has two events, so that 120 say as much as 60: twice the variance
    table = counts({"Black": (120, 3000), "White": (400, 30000), "Unknown": (0, NAN)})
    twice = table.assign(numerator_squares=2 * table["numerator"], products=0.0, denominator_squares=0.0)
    found = row(imputed_ratio(TWO_AREAS[:0], twice, kind="rate"), "Black", quantity="rri_imputed")
    reach = stats.norm.ppf(0.975) * np.sqrt(2 / 120 + 2 / 400)
    assert (found["lower"], found["upper"]) == pytest.approx((3 / np.exp(reach), 3 * np.exp(reach)))
    assert found["method"] == "rubin_by_child"


# A known truth


def test_imputation_finds_the_truth_where_complete_cases_do_not() -> None:
    # unknown by area, officer-observed ethnicity and event; 95 per cent of 600 samples, give or take 2 points
    found = made_up.compare(made_up.simulate(600, missing="at_random", kind="rate"), kind="rate")
    assert 0.93 <= found.loc["rri_imputed", "covered"] <= 0.98
    assert found.loc["rri_imputed", "off"] == pytest.approx(1, abs=0.03)
    assert found.loc["rri", "covered"] < 0.2
    # allocation knows the area and not what the officer saw: nearer, and still off
    assert found.loc["rri", "off"] < found.loc["rri_allocated", "off"] < 0.8


def test_imputation_finds_the_truth_of_a_proportion() -> None:
    found = made_up.compare(made_up.simulate(600, missing="at_random"))
    assert 0.93 <= found.loc["rri_imputed", "covered"] <= 0.98
    assert found.loc["rri_imputed", "off"] == pytest.approx(1, abs=0.03)
    assert found.loc["rri", "off"] < 0.93


@pytest.mark.parametrize("kind", KINDS)
def test_all_agree_where_ethnicity_is_missing_completely_at_random(kind: str) -> None:
    found = made_up.compare(made_up.simulate(400, missing="completely", kind=kind), kind=kind)
    assert found["off"].to_numpy() == pytest.approx(1, abs=0.02)
    assert found.loc[["rri", "rri_imputed"], "covered"].between(0.93, 0.985).all()


def test_what_depends_on_the_group_itself_cannot_be_imputed() -> None:
    # the assumption is not met, the hard bounds hold all the same
    simulated = made_up.simulate(100, missing="by_group")
    assert made_up.compare(simulated).loc["rri_imputed", "off"] < 0.9
    bounds = missing_bounds(simulated.counts, kind="proportion")
    black = bounds[bounds["group"] == "Black"]
    assert ((black["lower"] < simulated.ratio) & (simulated.ratio < black["upper"])).all()


# Allocation


def test_allocation_within_strata_by_hand() -> None:
    # North: 8 known, 6 Black, so 3 of 4 unknown; South: 12 known, 3 Black, so 1 of 4: 9 + 4 and 11 + 4 in all
    fine = strata([
        ("North", "", "Black", 6, NAN), ("North", "", "White", 2, NAN), ("North", "", "Unknown", 4, NAN),
        ("South", "", "Black", 3, NAN), ("South", "", "White", 9, NAN), ("South", "", "Unknown", 4, NAN),
    ])  # fmt: skip
    table = counts({"Black": (9, 100), "White": (11, 1000), "Unknown": (8, NAN)})
    found = row(allocated_ratio(fine, table, kind="rate"), "Black")
    assert found["estimate"] == pytest.approx((13 / 100) / (15 / 1000))
    assert (found["method"], found["status"]) == ("allocation", "ok")
    # allocation over the whole gives back the complete cases
    assert row(missing_bounds(table, kind="rate"), "Black")["estimate"] == pytest.approx((9 / 100) / (11 / 1000))


def test_a_stratum_without_known_children_borrows_from_its_area() -> None:
    fine = pd.DataFrame({
        "area": ["North"] * 3 + ["South"], "sex": ["Male"] * 2 + ["Female"] + ["Male"],
        "group": ["Black", "White", "Unknown", "White"], "n": [3, 1, 4, 10],
    })  # fmt: skip
    table = counts({"Black": (3, 100), "White": (11, 100), "Unknown": (4, NAN)})
    done = allocate(fine, table, kind="rate")
    assert done.events[0, 0, :2].tolist() == pytest.approx([3, 1])


def test_margins_are_sums_of_their_strata() -> None:
    by_area = whole(TWO_AREAS, "proportion", ("area",))
    table = pd.concat([by_area, whole(TWO_AREAS, "proportion").assign(area="All")], ignore_index=True)
    for done in (impute(TWO_AREAS, table, kind="proportion"), allocate(TWO_AREAS, table, kind="proportion")):
        place = {area: int(np.flatnonzero(done.keys["area"] == area)[0]) for area in ("All", "North", "South")}
        for part in (done.events, done.rest):
            assert part[:, place["All"]] == pytest.approx(part[:, place["North"]] + part[:, place["South"]])
    found = imputed_ratio(TWO_AREAS, table, kind="proportion")
    assert set(found.loc[found["area"] != "South", "status"]) == {"ok"}


# What the rows say


def test_strata_by_event_and_by_counts_are_the_same() -> None:
    events = TWO_AREAS.assign(event=1, n=TWO_AREAS["numerator"])
    rest = TWO_AREAS.assign(event=0, n=TWO_AREAS["denominator"] - TWO_AREAS["numerator"])
    tall = pd.concat([events, rest], ignore_index=True).drop(columns=["numerator", "denominator"])
    table = whole(TWO_AREAS, "proportion")
    pd.testing.assert_frame_equal(
        imputed_ratio(tall, table, kind="proportion"), imputed_ratio(TWO_AREAS, table, kind="proportion")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_counts_that_are_prepared_once_give_the_same(kind: str) -> None:
    table = whole(TWO_AREAS, kind)
    prepared = Counts.of(table)
    for fine in (TWO_AREAS, TWO_AREAS.assign(officer=""), TWO_AREAS.iloc[::-1]):
        for reference in REFERENCES:
            for metric in (imputed_ratio, allocated_ratio):
                options = {"kind": kind, "reference": reference}
                pd.testing.assert_frame_equal(metric(fine, prepared, **options), metric(fine, table, **options))


@pytest.mark.parametrize("reference", REFERENCES)
def test_order_of_rows_and_other_measures_change_nothing(reference: str) -> None:
    table = whole(TWO_AREAS, "proportion").assign(measure="one")
    fine = TWO_AREAS.assign(measure="one")
    before = fine.copy()
    plain = imputed_ratio(fine, table, kind="proportion", reference=reference)
    pd.testing.assert_frame_equal(fine, before)
    assert list(plain.columns) == list(RESULT_COLUMNS)
    shuffled = pd.concat([TWO_AREAS.assign(measure="two"), fine]).sample(frac=1, random_state=4)
    again = imputed_ratio(shuffled, table, kind="proportion", reference=reference)
    pd.testing.assert_frame_equal(plain, again)
    other = imputed_ratio(fine, table, kind="proportion", reference=reference, seed=2)
    assert not other["estimate"].equals(plain["estimate"])


@pytest.mark.parametrize("group", ["Black", "White", "Unknown"])
@pytest.mark.parametrize("metric", [imputed_ratio, allocated_ratio])
def test_hidden_cells_hide_the_row(metric: object, group: str) -> None:
    table = changed(whole(TWO_AREAS, "proportion"), group, disclosure="hidden")
    found = row(metric(TWO_AREAS, table, kind="proportion").drop_duplicates("group"), "Black")  # type: ignore[operator]
    assert (found["status"], found["disclosure"]) == ("hidden", "hidden")
    assert is_blank(found, counts_too=True)


def test_rounded_counts_are_not_told_by_strata_that_were_not() -> None:
    table = changed(whole(TWO_AREAS, "proportion"), "White", disclosure="rounded")
    found = imputed_ratio(TWO_AREAS, table, kind="proportion")
    assert set(found["status"]) == {"not_available"}


def test_strata_that_do_not_fit_the_counts_are_inconsistent() -> None:
    table = whole(TWO_AREAS, "proportion")
    for fine in (TWO_AREAS[:3], TWO_AREAS.assign(measure="another")):
        for found in (imputed_ratio(fine, table, kind="proportion"), allocated_ratio(fine, table, kind="proportion")):
            assert set(found["status"]) == {"inconsistent"}
            assert is_blank(found)


def test_no_events_are_no_wild_number() -> None:
    fine = strata([("", "", "Black", 0, 9), ("", "", "White", 5, 20), ("", "", "Unknown", 6, 9)])
    table = whole(fine, "proportion")
    found = imputed_ratio(fine, table, kind="proportion")
    assert set(found["status"]) == {"no_events"}
    assert is_blank(found)
    assert row(allocated_ratio(fine, table, kind="proportion"), "Black")["estimate"] == 0
    assert set(imputed_ratio(fine, table, kind="proportion", reference="Black")["status"]) == {"no_reference"}


def test_significant_figures() -> None:
    table = whole(TWO_AREAS, "proportion")
    exact = imputed_ratio(TWO_AREAS, table, kind="proportion")
    short = imputed_ratio(TWO_AREAS, table, kind="proportion", figures=2)
    for name in ("estimate", "lower", "upper"):
        assert [f"{value:.2g}" for value in exact[name]] == [f"{value:.2g}" for value in short[name]]
        assert short[name].dropna().map(lambda value: float(f"{value:.2g}") == pytest.approx(value)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        TWO_AREAS.drop(columns=["group"]),
        TWO_AREAS.drop(columns=["denominator"]),
        TWO_AREAS.assign(numerator=-1),
        TWO_AREAS.assign(numerator="few"),
        TWO_AREAS.assign(area=None),
        TWO_AREAS.drop(columns=["denominator"]).assign(n=1, event=2),
    ],
)
def test_strata_that_are_wrong(wrong: pd.DataFrame) -> None:
    with pytest.raises(EstimationError):
        imputed_ratio(wrong, whole(TWO_AREAS, "proportion"), kind="proportion")


# Laws


def any_strata(seed: int, kind: str, periods: int = 150) -> pd.DataFrame:
    """None, few, many and parts of children in every stratum of many periods; a public base has no unknown."""
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product(
        [[f"{number:03}" for number in range(periods)], ["North", "South"], ["Black", "none"],
         ["Asian", "Black", "White", "Unknown"]], names=["period", "area", "officer", "group"],
    )  # fmt: skip
    frame = keys.to_frame(index=False)

    def any_count() -> np.ndarray:
        few, many, part = rng.integers(0, 5, len(frame)), 10.0 ** rng.uniform(0, 12, len(frame)), rng.random(len(frame))
        # each period is of one kind more than another
        chances = rng.dirichlet([0.5, 1, 0.3, 0.2], periods).repeat(len(frame) // periods, axis=0).cumsum(axis=1)
        chosen = (rng.random(len(frame))[:, None] > chances[:, :-1]).sum(axis=1)
        return np.choose(chosen, [np.zeros(len(frame)), few, np.floor(many), part])

    numerator = any_count()
    no_base = (frame["group"] == "Unknown").to_numpy() & (kind == "rate")
    return frame.assign(numerator=numerator, denominator=np.where(no_base, NAN, numerator + any_count()))


SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=2, phases=[Phase.generate])  # a seed has nothing to shrink


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=SEEDS)
def test_allocation_and_every_imputation_lie_within_the_hard_bounds(kind: str, reference: str, seed: int) -> None:
    fine = any_strata(seed, kind)
    table = whole(fine, kind, ("period",))
    options = {"kind": kind, "reference": reference}
    done = impute(fine, table, kind=kind, imputations=3)
    one = [replace(done, events=done.events[[i]].repeat(2, 0), rest=done.rest[[i]].repeat(2, 0)) for i in range(3)]
    results = pd.concat([
        *(imputed_ratio(each, table, **options) for each in (done, *one)), allocated_ratio(fine, table, **options)
    ])  # fmt: skip
    lost = results[results["quantity"] == "missing_information"]
    assert lost["estimate"].dropna().between(0, 1).all()
    shown = results[(results["status"] == "ok") & (results["quantity"] != "missing_information")]
    assert len(shown) > 100
    keys = ["period", "group"]
    bounds = missing_bounds(table, **options)[[*keys, "lower", "upper", "status"]]
    both = shown.merge(bounds, on=keys, suffixes=("", "_hard"), validate="many_to_one")
    assert set(both["status_hard"]) == {"ok"}
    assert (both["lower_hard"] * (1 - 1e-9) <= both["estimate"]).all()
    assert (both["estimate"] <= both["upper_hard"] * (1 + 1e-9)).all()
    # nobody is lost and nobody is made
    unknown = fine[fine["group"] == "Unknown"].groupby("period")["numerator"].sum()
    assert done.events.sum(axis=2) == pytest.approx(np.tile(unknown, (3, 1)))


@FEW
@given(seed=SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_counts_at_all_give_rows(kind: str, seed: int) -> None:
    # strata that need not fit the counts; some rows of counts are not there at all
    fine = any_strata(seed, kind, 40)
    table = whole(any_strata(seed + 1, kind, 40), kind, ("period", "area")).sample(frac=0.9, random_state=1)
    tables = [table, whole(fine, kind, ("period", "area")).sample(frac=0.9, random_state=1), whole(fine, kind)]
    for each, reference in zip(tables, REFERENCES, strict=True):
        for metric in (imputed_ratio, allocated_ratio):
            found = metric(fine, each, kind=kind, reference=reference)
            assert list(found.columns) == list(RESULT_COLUMNS)
            usable = found[found["status"] == "ok"]
            assert np.isfinite(usable["estimate"]).all()
            assert is_blank(found[found["status"] != "ok"])
            limits = usable.loc[usable["quantity"] == "rri_imputed", ["lower", "estimate", "upper"]].to_numpy()
            assert (np.diff(limits, axis=1) >= -1e-9 * limits[:, 1:]).all()


def test_strata_without_rows_are_no_unknown() -> None:
    table = counts({"Black": (4, 9), "White": (5, 20), "Unknown": (0, 0)})
    found = imputed_ratio(TWO_AREAS[:0], table, kind="proportion")
    assert set(found["status"]) == {"ok"}
    assert imputed_ratio(TWO_AREAS[:0], table[:0], kind="proportion").empty


def test_a_period_that_is_as_it_was_is_drawn_as_it_was() -> None:
    """Else every release would have draws of its own of the same children, and their mean would tell what one hides."""

    def imputed(*periods: str, more: int = 0) -> pd.DataFrame:
        fine = pd.concat([TWO_AREAS.assign(period=period) for period in periods], ignore_index=True)
        fine.loc[0, "numerator"] += more
        every = imputed_ratio(fine, whole(fine, "rate", ("period",)), kind="rate", seed=2**200 + 3)
        return every[every["quantity"] == "rri_imputed"].set_index(["period", "group"])

    before, after, revised = imputed("2021", "2022"), imputed("2021", "2022", "2023"), imputed("2021", "2022", more=1)
    values = ["estimate", "lower", "upper"]
    assert after.loc[before.index, values].equals(before[values])
    assert revised.loc["2022", values].equals(before.loc["2022", values])
    assert (revised.loc["2021", values] != before.loc["2021", values]).all(axis=None)
    assert (before.loc["2021", values] != before.loc["2022", values]).all(axis=None)
