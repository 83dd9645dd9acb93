"""What of the models may leave, which periods are modelled, and what a run does with both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from yjd.config import Settings, load
from yjd.disclosure import Links
from yjd.measures import measures
from yjd.model_release import card, protected, releasable, unpublished
from yjd.modelling import _of_numbers, judged
from yjd.models import Rung, multilevel
from yjd.project import template
from yjd.schema import ALL, KNOWN, RESULT_COLUMNS, RESULT_KEYS, SPLITS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "yjd.toml").write_text(template("demo.toml"), encoding="utf-8")
    return load(tmp_path / "yjd.toml")  # counts from 1 to 5 are hidden, bases below 10 too


def row(**values: object) -> dict[str, object]:
    plain = dict.fromkeys(RESULT_COLUMNS, "") | dict.fromkeys(("estimate", "lower", "upper", "p_value"), 0.123456)
    return plain | {"q_value": np.nan, "confidence": 0.95, "status": "ok", "disclosure": "shown"} | {
        "measure": "precourt_share", "quantity": "adjusted_rri", "method": "logit_by_child", "numerator": 40.0,
        "denominator": 123.0, "reference_numerator": 300.0, "reference_denominator": 806.0,
    } | values  # fmt: skip


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(RESULT_COLUMNS))


@pytest.mark.parametrize("small", [
    {"numerator": 5.0},
    {"reference_numerator": 3.0},
    {"numerator": 120.0},  # 3 without the event
    {"numerator": 1.0, "denominator": 8.0},
    {"reference_numerator": 802.0},
])  # fmt: skip
def test_a_row_on_small_counts_is_hidden_whole(settings: Settings, small: dict[str, float]) -> None:
    found = protected(table(row(**small)), settings).iloc[0]
    assert (found["status"], found["disclosure"], found["method"]) == ("hidden", "hidden", "")
    numbers = ["numerator", "denominator", "reference_numerator", "reference_denominator",
               "estimate", "lower", "upper", "p_value"]  # fmt: skip
    assert found[numbers].isna().all()


def test_what_is_shown_is_rounded_so_that_no_sample_count_can_be_subtracted(settings: Settings) -> None:
    given = table(row())
    found = protected(given, settings).iloc[0]
    assert found[["numerator", "denominator", "reference_denominator"]].tolist() == [40, 120, 810]
    assert found["estimate"] == 0.12
    assert (found["status"], found["disclosure"]) == ("ok", "rounded")
    assert given["denominator"].iloc[0] == 123  # the input is not changed
    many = protected(table(row(denominator=2345.0, reference_denominator=8060.0)), settings).iloc[0]
    assert many["estimate"] == 0.123


@pytest.mark.parametrize(("measure", "rung", "hidden"), [
    ("precourt_share", "M0", False),  # 30 records, 18 parameters
    ("precourt_share", "M1", True),  # 30 records, 21 parameters
    ("precourt_share", "M1, areas random", True),
    ("arrest_rate", "M0", True),  # 27 events, 18 parameters: residents are not observations of a rate
])  # fmt: skip
def test_a_model_that_estimates_almost_as_much_as_it_has_records_is_hidden(
    settings: Settings, measure: str, rung: str, hidden: bool
) -> None:
    fits = pd.DataFrame({"rung": ["M0", "M1"], "base": 30.0, "events": 27.0, "parameters": [18, 21]})
    counts = {"numerator": 13.0, "denominator": 30.0, "reference_numerator": 14.0, "reference_denominator": 30.0}
    found = protected(table(row(measure=measure, rung=rung, **counts)), settings, fits).iloc[0]
    assert (found["status"] == "hidden") == hidden


def test_models_that_gave_no_row_are_no_fault(settings: Settings) -> None:
    fits = pd.DataFrame({"rung": ["M0"], "base": 30.0, "events": 27.0, "parameters": [18]})
    assert protected(table(), settings, fits).empty


def test_no_row_of_a_single_stratum_leaves_as_it_gives_its_events_back(settings: Settings) -> None:
    # from the estimates, the residents (known to all) and two parameters that all strata share
    drawn = np.random.default_rng(3)
    base = drawn.integers(2_000, 20_000, 60).astype(float)
    events = drawn.poisson(base * np.exp(drawn.normal(-6.0, 0.7, 60))).astype(float)
    strata = pd.DataFrame({"group": [f"g{one % 5}" for one in range(60)], "area": [f"a{one // 5}" for one in range(60)],
                           "base": base, "events": events})  # fmt: skip
    strata = strata.replace({"group": {"g0": "White"}})
    found = multilevel(strata, kind="rate", per=1000, strata=("group", "area"), measure="arrest_rate", level="broad")
    assert set(protected(found, settings)["quantity"]) == {"between_share"}


def test_estimates_of_a_rate_have_the_figures_of_its_events(settings: Settings) -> None:
    counts = {"measure": "arrest_rate", "numerator": 230.0, "denominator": 43_080.0,
              "reference_numerator": 5_070.0, "reference_denominator": 448_690.0, "estimate": 5.339}  # fmt: skip
    assert protected(table(row(**counts)), settings)["estimate"].item() == 5.3  # 5.34 is 230 of 43,080 and no other
    many = protected(table(row(**(counts | {"numerator": 2_300.0, "estimate": 53.39}))), settings)
    assert many["estimate"].item() == 53.4


def test_a_count_that_was_spread_is_held_to_the_rules_as_the_whole_number_that_it_is(settings: Settings) -> None:
    spread = {"measure": "arrest_rate", "denominator": 4_000.0, "reference_numerator": 60.0 + 1e-12}
    found = protected(table(row(**spread, numerator=6.0 - 1e-12), row(**spread, numerator=15.0 - 1e-12)), settings)
    assert found["disclosure"].tolist() == ["rounded", "rounded"]
    assert found["numerator"].tolist() == [10.0, 20.0]


def test_a_small_part_of_a_difference_has_no_more_decimals_than_the_difference(settings: Settings) -> None:
    counts = {"measure": "arrest_rate", "numerator": 2_280.0, "denominator": 101_630.0,
              "reference_numerator": 5_070.0, "reference_denominator": 448_690.0, "rung": "M1"}  # fmt: skip
    parts = {"gap": 11.18, "age_band": 0.0023456, "period": 8.34e-10}
    rows = [row(**counts, quantity="decomposition", term=term, estimate=value, lower=value, upper=value)
            for term, value in parts.items()]  # fmt: skip
    close = row(**counts, quantity="marginal_difference", estimate=0.0012345, lower=-0.4567, upper=0.4591)
    found = protected(table(*rows, close), settings)
    assert found["estimate"].tolist() == [11.2, 0.0, 0.0, 0.001]
    assert found["lower"].tolist() == [11.2, 0.0, 0.0, -0.457]


@pytest.mark.parametrize(("hidden", "back"), [
    ([], set()),
    ([("arrests", "2023-24")], set()),  # what the three years come to is shown
    ([("arrests", "2023-24"), ("arrests", "three")], {"Other"}),
    ([("children_arrested", "2023-24")], set()),  # of another measure
])  # fmt: skip
def test_a_model_of_a_group_whose_count_is_not_known_is_hidden(
    settings: Settings, hidden: list[tuple[str, str]], back: set[str]
) -> None:
    years = ("2022-23", "2023-24", "2024-25")
    cells = pd.DataFrame([
        {"stage": stage, "period": period, **dict.fromkeys(SPLITS, ALL), "level": "broad", "group": group,
         "disclosure": "hidden" if group == "Other" and (stage, period) in hidden else "shown"}
        for stage in ("arrests", "children_arrested") for period in (*years, "three") for group in ("White", "Other")
    ])  # fmt: skip
    links = Links({}, [], frozenset({"population"}), {"three": years}, frozenset({"arrests"}), {}, [])  # fmt: skip
    one = SimpleNamespace(measure=measures()["arrest_rate"], periods=years)
    assert unpublished(one, cells, links) == back
    found = protected(table(row(measure="arrest_rate", group="Other", reference="White"),
                            row(measure="arrest_rate", group="White")), settings, kept_back=back)  # fmt: skip
    assert (found["status"] == "hidden").tolist() == ["Other" in back, False]


def _without(*hidden: tuple[str, str, str]) -> pd.DataFrame:
    """Released cells of outcomes in three years; those of (sex, group, period) are hidden."""
    return pd.DataFrame([
        {"stage": stage, "period": period, **dict.fromkeys(SPLITS, ALL), "sex": sex, "level": "broad", "group": group,
         "disclosure": "hidden" if (sex, group, period) in hidden else "shown"}
        for stage in ("outcomes", "precourt") for period in ("2022-23", "2023-24") for sex in (ALL, "Male", "Unknown")
        for group in (ALL, KNOWN, "Unknown", "White", "Other")
    ])  # fmt: skip


FLOW = (
    ("records of the periods", 400),
    ("in the project's areas", 380),
    ("of known ethnicity", 360),
    ("sex known", 340),
)


@pytest.mark.parametrize(("hidden", "steps", "back"), [
    ([], 4, set()),
    ([(ALL, "White", "2023-24")], 4, {"White"}),
    ([(ALL, KNOWN, "2023-24"), (ALL, "Unknown", "2023-24")], 2, {KNOWN, "Unknown"}),
    ([(ALL, ALL, "2023-24")], 0, {ALL}),
    ([("Male", "White", "2023-24")], 4, set()),
    ([("Unknown", "White", "2023-24")], 4, {"White"}),
    ([("Unknown", KNOWN, "2023-24")], 1, {KNOWN}),
])  # fmt: skip
def test_a_sample_does_not_tell_what_it_leaves_out(
    settings: Settings, hidden: list[tuple[str, str, str]], steps: int, back: set[str]
) -> None:
    links = Links({}, [], frozenset({"population"}), {}, frozenset({"outcomes", "precourt"}), {}, [])
    measure = measures()["precourt_share"]
    rows = table(*(row(group=group, reference="") for group in ("White", "Other")))
    one = SimpleNamespace(
        measure=measure, periods=("2022-23", "2023-24"), rungs=[Rung("M0", ())], base="Outcomes", results=rows,
        counts=SimpleNamespace(flow=FLOW, adjusters=("sex",)), diagnostics={"fit": None},
    )  # fmt: skip
    page = card(one, settings, _without(*hidden), links)
    assert [f"| {number} |" in page for _, number in FLOW] == [at < steps for at in range(4)]
    found = releasable(one, settings, _without(*hidden), links)
    assert set(found.loc[found["status"] == "hidden", "group"]) == back & {"White", "Other"}


def test_a_rate_may_have_more_events_than_its_base(settings: Settings) -> None:
    found = protected(table(row(measure="arrest_rate", numerator=130.0)), settings).iloc[0]
    assert found["status"] == "ok"


def test_months_of_re_offending_tell_of_no_single_child(settings: Settings) -> None:
    months = {"1": 2.0, "2": 9.0, "3": 20.0, "6": 23.0, "9": 40.0, "12": 60.0}
    rows = [row(quantity="survival", measure="reoffending_rate", group="Black", term=term, numerator=n,
                denominator=200.0, reference_numerator=np.nan, reference_denominator=np.nan)
            for term, n in months.items()]  # fmt: skip
    found = protected(table(*rows), settings).set_index("term")
    assert found.index.tolist() == ["3", "6", "9", "12"]
    # 3 more by month 6
    assert found["status"].to_dict() == {"3": "ok", "6": "hidden", "9": "ok", "12": "ok"}


def cells(**status: str) -> pd.DataFrame:
    """Whole-region cells of both stages, ok unless another status is given for a period."""
    periods = ["2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
    return pd.DataFrame([
        {"stage": stage, "period": period, **dict.fromkeys(SPLITS, ALL), "level": "broad", "group": ALL,
         "status": status.get(f"y{period[:4]}", "ok") if stage == "reoffenders" else "ok"}
        for stage in ("reoffenders", "reoffending_cohort") for period in periods
    ])  # fmt: skip


def test_the_latest_judged_periods_are_modelled(settings: Settings) -> None:
    measure = measures()["reoffending_rate"]
    assert judged(cells(), measure, settings) == ["2022-23", "2023-24", "2024-25"]
    late = cells(y2023="censored", y2024="censored")
    assert judged(late, measure, settings) == ["2020-21", "2021-22", "2022-23"]
    assert judged(cells(y2022="not_available"), measure, settings) == ["2023-24", "2024-25"]
    assert (
        judged(cells(**dict.fromkeys(("y2020", "y2021", "y2022", "y2023", "y2024"), "censored")), measure, settings)
        == []
    )


def test_no_model_reaches_across_a_break(tmp_path: Path) -> None:
    text = template("demo.toml").replace(
        'headline = "2024-25"',
        'headline = "2024-25"\nbreaks = [{ period = "2023-24", measures = ["reoffending_rate"], note = "changed" }]',
    )
    (tmp_path / "yjd.toml").write_text(text, encoding="utf-8")
    settings = load(tmp_path / "yjd.toml")
    assert judged(cells(), measures()["reoffending_rate"], settings) == ["2023-24", "2024-25"]
    assert len(judged(cells(), measures()["precourt_share"], settings)) == 0  # none of its stages is there


def test_how_often_and_whether_children_reoffend_have_keys_of_their_own() -> None:
    ladder = table(row(quantity="adjusted_rate", rung="M0"), row(quantity="dispersion", rung="M0"))
    often = _of_numbers(pd.concat([ladder, table(row(quantity="survival", term="3"))], ignore_index=True))
    assert not pd.concat([ladder, often]).duplicated(list(RESULT_KEYS)).any()
    assert often["term"].tolist() == ["reoffences", "reoffences", "3"]
