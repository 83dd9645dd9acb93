"""Each metric on a frame small enough to check by hand."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from tests.metrics.frames import NAN, PROPORTIONS, RATES, changed, counts, is_blank, row, with_totals
from yjd import metrics
from yjd.errors import EstimationError
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS

ALL_METRICS: dict[str, Callable[..., pd.DataFrame]] = {
    "rate": metrics.rate,
    "composition": lambda frame, kind: metrics.composition(frame),
    "relative_rate": metrics.relative_rate,
    "difference": metrics.difference,
    "excess": metrics.excess,
    "representation": metrics.representation,
    "missing_bounds": metrics.missing_bounds,
}
WITH_REFERENCE = ("relative_rate", "difference", "excess", "missing_bounds")


def limits(found: pd.Series) -> tuple[float, float]:
    return found["lower"], found["upper"]


def test_rate_of_a_population() -> None:
    found = metrics.rate(counts(RATES), kind="rate", per=1000)
    black = row(found, "Black")
    assert black["estimate"] == 4.0
    assert (black["numerator"], black["denominator"], black["method"]) == (12, 3000, "byar")
    assert row(found, "Asian")["upper"] == pytest.approx(1000 * 3.68888 / 500, abs=1e-4)
    assert row(found, "Asian")["method"] == "garwood"


def test_unknown_has_no_rate_without_a_population_and_keeps_its_count() -> None:
    unknown = row(metrics.rate(counts(RATES), kind="rate", per=1000), "Unknown")
    assert unknown["status"] == "no_denominator"
    assert unknown["numerator"] == 5
    assert is_blank(unknown)


def test_rate_of_a_previous_stage() -> None:
    found = metrics.rate(counts(PROPORTIONS), kind="proportion", per=100)
    black = row(found, "Black")
    assert black["estimate"] == 20
    assert limits(black) == pytest.approx((10.500, 34.757), abs=5e-4)
    assert black["method"] == "wilson"
    assert row(found, "Unknown")["estimate"] == pytest.approx(200 / 9)


def test_relative_rate_of_a_population() -> None:
    found = metrics.relative_rate(counts(RATES), kind="rate")
    black = row(found, "Black")
    assert black["estimate"] == pytest.approx(3.0)
    assert limits(black) == pytest.approx((1.43270, 5.83288), abs=5e-6)
    assert (black["reference"], black["method"], black["status"]) == ("White", "exact", "ok")
    assert (black["reference_numerator"], black["reference_denominator"]) == (40, 30000)
    assert limits(row(found, "Asian")) == pytest.approx((0, 5.79649), abs=5e-6)


def test_katz_is_there_by_name() -> None:
    found = metrics.relative_rate(counts(RATES), kind="rate", method="katz")
    assert limits(row(found, "Black")) == pytest.approx((1.57555, 5.71231), abs=5e-6)
    assert row(found, "Asian")["status"] == "no_events"
    assert is_blank(row(found, "Asian"))


def test_relative_rate_of_a_previous_stage_is_the_published_score_interval() -> None:
    # Perondi and others 2004 in R contingencytables: 7.0000 (1.2086 to 43.0330)
    found = metrics.relative_rate(counts({"Black": (7, 34), "White": (1, 34)}), kind="proportion")
    assert row(found, "Black")["estimate"] == pytest.approx(7)
    assert limits(row(found, "Black")) == pytest.approx((1.2086, 43.0330), abs=5e-5)
    assert row(found, "Black")["method"] == "score"


def test_only_groups_other_than_the_reference_are_compared() -> None:
    for name in WITH_REFERENCE:
        found = ALL_METRICS[name](with_totals(counts(RATES)), kind="rate", reference="Black")
        assert found["group"].tolist() == ["Asian", "White"]


def test_others_are_known_less_the_group() -> None:
    frame = with_totals(counts(RATES))
    for source in (frame, frame[frame["group"] != "Known"]):
        found = row(metrics.relative_rate(source, kind="rate", reference="others"), "Black")
        assert (found["reference_numerator"], found["reference_denominator"]) == (40, 30500)
        assert found["estimate"] == pytest.approx(4 / (40 / 30.5))


def test_everyone_includes_the_group_and_excludes_unknown() -> None:
    found = row(metrics.relative_rate(with_totals(counts(RATES)), kind="rate", reference="everyone"), "Black")
    assert (found["reference_numerator"], found["reference_denominator"]) == (52, 33500)
    assert found["estimate"] == pytest.approx((12 / 3000) / (52 / 33500))
    # Clopper-Pearson of 12 in 52 (SciPy) over the share of the population
    from scipy.stats import binomtest

    share = binomtest(12, 52).proportion_ci(0.95, method="exact")
    assert limits(found) == pytest.approx((share.low * 33500 / 3000, share.high * 33500 / 3000))


def test_difference_of_proportions() -> None:
    # Newcombe 1998: 0.2 (0.0524 to 0.3339)
    found = metrics.difference(counts({"Black": (56, 70), "White": (48, 80)}), kind="proportion", per=100)
    assert row(found, "Black")["estimate"] == pytest.approx(20)
    assert limits(row(found, "Black")) == pytest.approx((5.24, 33.39), abs=5e-3)
    assert row(found, "Black")["method"] == "newcombe"


def test_difference_of_rates_by_hand() -> None:
    black = row(metrics.difference(counts(RATES), kind="rate", per=1000), "Black")
    one = row(metrics.rate(counts(RATES), kind="rate", per=1000), "Black")
    two = row(metrics.rate(counts(RATES), kind="rate", per=1000), "White")
    gap = one["estimate"] - two["estimate"]
    down = ((one["estimate"] - one["lower"]) ** 2 + (two["upper"] - two["estimate"]) ** 2) ** 0.5
    up = ((one["upper"] - one["estimate"]) ** 2 + (two["estimate"] - two["lower"]) ** 2) ** 0.5
    assert (black["estimate"], *limits(black)) == pytest.approx((gap, gap - down, gap + up))
    assert black["method"] == "mover"


def test_excess_to_parity() -> None:
    found = row(metrics.excess(counts(RATES), kind="rate"), "Black")
    gap = row(metrics.difference(counts(RATES), kind="rate"), "Black")
    assert found["estimate"] == pytest.approx(8.0)
    assert limits(found) == pytest.approx((3000 * gap["lower"], 3000 * gap["upper"]))


def test_representation_in_points_and_as_a_ratio() -> None:
    # 20 of 50 events and 100 of 1,000 of the base: 40 less 10 points, and 4 times
    frame = counts({"Black": (20, 100), "White": (30, 900), "Unknown": (7, 50)})
    found = metrics.representation(frame, kind="rate")
    points = row(found, "Black", quantity="representation")
    ratio = row(found, "Black", quantity="representation_ratio")
    assert points["estimate"] == pytest.approx(30)
    assert ratio["estimate"] == pytest.approx(4)
    assert (points["reference_numerator"], points["reference_denominator"]) == (50, 1000)
    index = row(metrics.relative_rate(frame, kind="rate", reference="everyone"), "Black")
    assert (ratio["estimate"], *limits(ratio)) == pytest.approx((index["estimate"], *limits(index)))


def test_composition_is_of_known_and_unknown_of_all() -> None:
    found = metrics.composition(with_totals(counts(PROPORTIONS)))
    assert found["group"].tolist() == ["Asian", "Black", "White", "Unknown"]
    assert row(found, "White")["estimate"] == pytest.approx(100 * 40 / 51)
    assert row(found, "Unknown")["estimate"] == pytest.approx(100 * 2 / 53)
    assert row(found, "Unknown")["denominator"] == 53


def test_every_level_of_confidence_is_a_row() -> None:
    found = metrics.relative_rate(counts(RATES), kind="rate", confidence=[0.95, 0.998])
    assert found["confidence"].tolist() == [0.95, 0.998] * 2
    black = found[found["group"] == "Black"]
    assert black["lower"].is_monotonic_decreasing
    assert black["upper"].is_monotonic_increasing


def test_strata_are_kept_apart() -> None:
    frame = pd.concat([counts(RATES, area="North"), counts({"Black": (5, 50), "White": (10, 500)}, area="South")])
    found = metrics.relative_rate(frame, kind="rate")
    assert row(found, "Black", area="North")["estimate"] == pytest.approx(3)
    assert row(found, "Black", area="South")["estimate"] == pytest.approx(5)


def test_keys_that_are_absent_are_filled() -> None:
    found = row(metrics.rate(counts(RATES), kind="rate"), "Black")
    assert found[["measure", "period", "area", "sex", "age_band", "level"]].tolist() == [
        "",
        "All",
        "All",
        "All",
        "All",
        "",
    ]
    assert found[["quantity", "reference", "rung", "disclosure"]].tolist() == ["rate", "", "", "shown"]


@pytest.mark.parametrize("name", ALL_METRICS)
def test_columns_are_those_of_results_and_inputs_stay_as_they_were(name: str) -> None:
    frame = with_totals(counts(RATES))
    before = frame.copy()
    found = ALL_METRICS[name](frame, kind="rate")
    assert tuple(found.columns) == RESULT_COLUMNS
    assert_frame_equal(frame, before)
    empty = ALL_METRICS[name](frame.iloc[:0], kind="rate")
    assert empty.empty
    assert empty.dtypes.equals(found.dtypes)


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ({"Black": (3, 0), "White": (4, 50)}, "no_denominator"),
        ({"Black": (3, NAN), "White": (4, 50)}, "no_denominator"),
        ({"Black": (3, 20)}, "no_reference"),
        ({"Black": (3, 20), "White": (0, 50)}, "no_reference"),
        ({"Black": (3, 20), "White": (0, 0)}, "no_reference"),
        ({"Black": (0, 20), "White": (0, 50)}, "no_events"),
        ({"Black": (21, 20), "White": (4, 50)}, "inconsistent"),
        ({"Black": (3, 20), "White": (51, 50)}, "inconsistent"),
        ({"Black": (NAN, 20), "White": (4, 50)}, "not_available"),
    ],
)
def test_what_a_ratio_cannot_be_made_of_has_a_status(rows: dict[str, tuple[float, float]], status: str) -> None:
    found = row(metrics.relative_rate(counts(rows), kind="proportion"), "Black")
    assert found["status"] == status
    assert is_blank(found)


def test_a_difference_needs_no_reference_events() -> None:
    found = row(metrics.difference(counts({"Black": (3, 20), "White": (0, 50)}), kind="rate", per=100), "Black")
    assert (found["status"], found["estimate"]) == ("ok", 15)


@pytest.mark.parametrize("name", ALL_METRICS)
@pytest.mark.parametrize("status", ["not_available", "censored"])
def test_a_status_of_the_input_is_carried_and_blanks_the_row(name: str, status: str) -> None:
    frame = changed(with_totals(counts(PROPORTIONS)), "Black", status=status)
    found = ALL_METRICS[name](frame, kind="proportion")
    black = found[found["group"] == "Black"]
    assert set(black["status"]) == {status}
    assert is_blank(black, counts_too=True)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_censored_reference_censors_what_is_compared_with_it(name: str) -> None:
    found = ALL_METRICS[name](changed(counts(PROPORTIONS), "White", status="censored"), kind="proportion")
    assert set(found["status"]) == {"censored"}


@pytest.mark.parametrize("name", ALL_METRICS)
def test_a_break_is_named_and_keeps_its_values(name: str) -> None:
    whole = with_totals(counts(PROPORTIONS))
    found = ALL_METRICS[name](changed(whole, "Black", status="break"), kind="proportion")
    assert set(found.loc[found["group"] == "Black", "status"]) == {"break"}
    values = ["estimate", "lower", "upper", "numerator", "denominator"]
    assert_frame_equal(found[values], ALL_METRICS[name](whole, kind="proportion")[values])


@pytest.mark.parametrize("name", ALL_METRICS)
def test_a_hidden_cell_hides_its_row(name: str) -> None:
    frame = changed(with_totals(counts(PROPORTIONS)), "Black", disclosure="hidden", numerator=NAN, denominator=NAN)
    found = ALL_METRICS[name](frame, kind="proportion")
    black = found[found["group"] == "Black"]
    assert set(black["status"]) == {"hidden"}
    assert set(black["disclosure"]) == {"hidden"}
    assert is_blank(black, counts_too=True)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_hidden_reference_hides_whatever_is_compared_with_it(name: str) -> None:
    frame = changed(with_totals(counts(PROPORTIONS)), "White", disclosure="hidden", numerator=NAN, denominator=NAN)
    found = ALL_METRICS[name](frame, kind="proportion")
    assert set(found["status"]) == {"hidden"}
    assert set(found["disclosure"]) == {"hidden"}
    assert is_blank(found, counts_too=True)


@pytest.mark.parametrize("reference", ["others", "everyone"])
def test_without_known_one_hidden_group_hides_every_total(reference: str) -> None:
    frame = changed(counts(PROPORTIONS), "Asian", disclosure="hidden", numerator=NAN, denominator=NAN)
    found = metrics.relative_rate(frame, kind="proportion", reference=reference)
    assert set(found["status"]) == {"hidden"}
    assert found["disclosure"].tolist() == ["hidden", "hidden", "hidden"]


def test_rounded_inputs_make_rounded_results_and_contradictions_are_named() -> None:
    frame = counts({"Black": (60, 100), "White": (0, 100), "Known": (55, 200)}).assign(disclosure="rounded")
    found = row(metrics.relative_rate(frame, kind="rate", reference="others"), "Black")
    assert (found["disclosure"], found["status"]) == ("rounded", "inconsistent")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frame: frame.drop(columns="numerator"), "no column numerator"),
        (lambda frame: frame.assign(numerator=-1.0), "negative"),
        (lambda frame: frame.assign(denominator=float("inf")), "infinite"),
        (lambda frame: frame.assign(numerator="seven"), "holds text"),
        (lambda frame: frame.assign(area=None), "blank in 4 rows"),
        (lambda frame: pd.concat([frame, frame]), "4 rows of the counts repeat"),
        (lambda frame: frame.assign(disclosure="open"), "disclosure"),
    ],
)
@pytest.mark.parametrize("name", ALL_METRICS)
def test_counts_that_no_metric_can_read(name: str, change: Callable[[pd.DataFrame], pd.DataFrame], says: str) -> None:
    with pytest.raises(EstimationError, match=says) as error:
        ALL_METRICS[name](change(counts(RATES)), kind="rate")
    assert "seven" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "share"},
        {"kind": "rate", "reference": "Unknown"},
        {"kind": "rate", "reference": "All"},
        {"kind": "rate", "confidence": 95},
        {"kind": "rate", "confidence": []},
        {"kind": "rate", "method": "wald"},
    ],
)
def test_options_without_meaning(options: dict[str, object]) -> None:
    with pytest.raises(EstimationError):
        metrics.relative_rate(counts(RATES), **options)
    with pytest.raises(EstimationError):
        metrics.rate(counts(RATES), kind="rate", per=0)


def test_all_results_has_every_quantity_and_sets_no_broad_group_against_detailed_ones() -> None:
    frame = pd.concat(
        [
            with_totals(counts(PROPORTIONS, level="broad")),
            with_totals(counts({"Pakistani": (3, 20), "White British": (30, 70), "Unknown": (2, 9)}, level="detailed")),
        ]
    )
    frame["level"] = frame["level"].ffill()
    plan = metrics.Plan(references=["White", "everyone"])
    found = metrics.all_results(frame, kind="proportion", per=100, plan=plan)
    assert set(found["quantity"]) == {
        "rate", "composition", "representation", "representation_ratio",
        "rri", "difference", "excess", "rri_bounds", "missing_explains",
    }  # fmt: skip
    assert set(found.loc[found["reference"] == "White", "level"]) == {"broad"}
    assert set(found.loc[found["reference"] == "everyone", "level"]) == {"broad", "detailed"}
    assert not found.duplicated(list(RESULT_KEYS)).any()
