"""What may be shown of small tables, worked by hand, and what an outsider makes of random ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.disclosure.attacker import by_area_and_group, intervals, recovered
from tests.disclosure.tables import GROUPS, RULES, cells, hidden, links, only_threshold, two_way
from yjd.disclosure import Rules, audit, protect, related_periods
from yjd.disclosure.periods import REST
from yjd.errors import ConfigurationError, DisclosureError
from yjd.reference_tables import periods

# Five areas by four groups; two counts (3 and 4) below 6, in different rows and columns.
FIVE_BY_FOUR = {
    "Birmingham": [120, 85, 40, 12],
    "Coventry": [44, 3, 21, 9],
    "Dudley": [30, 14, 4, 11],
    "Sandwell": [52, 27, 16, 8],
    "Walsall": [33, 19, 13, 10],
}
ALL_OF_IT = by_area_and_group(list(FIVE_BY_FOUR), list(GROUPS[:4]))


def small(**changes):
    given = {
        "minimum_count": 6, "zero_safe": True, "minimum_denominator": 0, "minimum_children": 0,
        "largest_share_percent": 100, "interval_width": 3, "method": "hide", "round_to": 0,
    }  # fmt: skip
    return Rules(**(given | changes))


class TestATableWithTotals:
    def test_a_threshold_alone_gives_both_counts_back(self):
        released = only_threshold(two_way(FIVE_BY_FOUR))
        ends = intervals(released, ALL_OF_IT)
        assert sorted(low for low, _ in ends.values()) == pytest.approx([3, 4])
        assert sorted(high for _, high in ends.values()) == pytest.approx([3, 4])
        assert set(audit(released, RULES, links())["attack"]) == {"sums"}

    def test_protected_neither_comes_back(self):
        table = two_way(FIVE_BY_FOUR)
        released = protect(table, RULES, links())
        assert ("arrests", "Coventry", "Black") in hidden(released)
        assert ("arrests", "Dudley", "Mixed") in hidden(released)
        assert recovered(released, ALL_OF_IT) == []
        assert audit(released, RULES, links()).empty

    def test_totals_stay_and_few_cells_go(self):
        released = protect(two_way(FIVE_BY_FOUR), RULES, links())
        assert not [cell for cell in hidden(released) if "All" in cell]
        assert len(hidden(released)) <= 6

    def test_every_blank_says_why(self):
        released = protect(two_way(FIVE_BY_FOUR), RULES, links()).set_index(["area", "group"])
        assert released.loc[("Coventry", "Black"), "reason"] == "count"
        assert released["n"].isna().equals(released["disclosure"] == "hidden")
        assert released["n"].isna().equals(released["reason"] != "")
        assert (released["reason"] == "protects").sum() >= 2

    def test_hidden_is_never_nought(self):
        released = protect(two_way(FIVE_BY_FOUR), RULES, links())
        assert not (released.loc[released["disclosure"] != "shown", "n"] == 0).any()

    def test_what_was_protected_is_not_protected_again(self):
        once = protect(two_way(FIVE_BY_FOUR), RULES, links())
        with pytest.raises(DisclosureError, match="protected before"):
            protect(once, RULES, links())

    def test_the_input_is_left_alone(self):
        table = two_way(FIVE_BY_FOUR)
        before = table.copy(deep=True)
        protect(table, RULES, links())
        audit(table, RULES, links())
        assert_frame_equal(table, before)

    def test_order_and_index_are_kept(self):
        table = two_way(FIVE_BY_FOUR).sample(frac=1, random_state=3)
        released = protect(table, RULES, links())
        assert released.index.equals(table.index)
        assert released["area"].tolist() == table["area"].tolist()

    def test_nothing_small_means_nothing_hidden(self):
        table = two_way({"Dudley": [10, 20], "Walsall": [30, 40]})
        assert_frame_equal(protect(table, RULES, links()).drop(columns="reason"), table)


class TestRules:
    def test_zeros_are_shown_where_they_are_safe(self):
        table = two_way({"Dudley": [0, 20, 30], "Walsall": [30, 40, 0]})
        assert hidden(protect(table, small(zero_safe=True), links())) == []

    def test_zeros_are_hidden_where_they_are_not(self):
        table = two_way({"Dudley": [0, 20, 30], "Walsall": [30, 40, 50]})
        released = protect(table, small(zero_safe=False), links())
        assert ("arrests", "Dudley", "Asian") in hidden(released)
        assert recovered(released, by_area_and_group(["Dudley", "Walsall"], GROUPS[:3])) == []

    def test_the_threshold_itself_is_shown(self):
        assert hidden(protect(two_way({"Dudley": [6, 20], "Walsall": [30, 40]}), RULES, links())) == []

    def test_public_counts_stay_whatever_they_are(self):
        table = two_way({"Dudley": [2, 20], "Walsall": [30, 40]}, stage="population")
        given = links(public_stages=frozenset(["population"]))
        assert hidden(protect(table, small(method="hide_and_round", round_to=5), given)) == []
        assert audit(table, RULES, given).empty

    def test_a_small_denominator_goes_itself(self):
        table = two_way({"Dudley": [9, 40, 50], "Walsall": [30, 40, 50]}, stage="outcomes")
        given = links(denominators=[("precourt", "outcomes")])
        assert ("outcomes", "Dudley", "Asian") in hidden(protect(table, small(minimum_denominator=10), given))
        assert hidden(protect(table, small(minimum_denominator=9), given)) == []

    def test_counts_over_a_small_public_denominator_go(self):
        arrests = two_way({"Dudley": [20, 40, 50], "Walsall": [30, 40, 50]})
        population = two_way({"Dudley": [45, 400, 500], "Walsall": [300, 400, 500]}, stage="population")
        given = links(public_stages=frozenset(["population"]), denominators=[("arrests", "population")])
        released = protect(pd.concat([arrests, population], ignore_index=True), small(minimum_denominator=50), given)
        assert ("arrests", "Dudley", "Asian") in hidden(released)
        assert not [cell for cell in hidden(released) if cell[0] == "population"]

    def test_rounding_comes_after_hiding(self):
        table = two_way(FIVE_BY_FOUR)
        released = protect(table, small(method="hide_and_round", round_to=5), links())
        shown = released["n"].notna()
        assert (released.loc[shown, "n"] % 5 == 0).all()
        assert set(released.loc[shown, "disclosure"]) == {"rounded"}
        assert shown.equals(protect(table, RULES, links())["n"].notna())
        assert ((released["n"] - table["n"]).abs().dropna() < 5).all()
        assert audit(released, small(method="hide_and_round", round_to=5), links()).empty

    @pytest.mark.parametrize(
        "wrong",
        [{"minimum_count": 1}, {"minimum_count": 2}, {"minimum_denominator": -1}, {"round_to": 1}, {"method": "round"}],
    )
    def test_rules_that_protect_nothing_are_refused(self, wrong):
        with pytest.raises(ConfigurationError):
            small(**wrong)

    def test_nothing_has_a_default(self):
        with pytest.raises(TypeError):
            Rules(minimum_count=6)


class TestNarrowInference:
    def test_a_pair_with_a_small_sum_is_not_enough(self):
        # 1 and 1 sum to 2: of the counts 1 to 5 only 1 and 2 would stay possible.
        table = cells(
            [({"group": g}, n) for g, n in zip(("Black", "Other", "White", "All"), (1, 1, 90, 92), strict=True)]
        )
        released = protect(table, RULES, links()).set_index("group")["n"]
        assert np.isnan(released["White"]) or np.isnan(released["All"])

    def test_a_zero_is_not_the_only_partner(self):
        table = cells(
            [({"group": g}, n) for g, n in zip(("Black", "Other", "White", "All"), (2, 0, 90, 92), strict=True)]
        )
        assert ("arrests", "All", "White") in hidden(protect(table, RULES, links())) or (
            "arrests", "All", "All",
        ) in hidden(protect(table, RULES, links()))  # fmt: skip


class TestStages:
    nested = links(subsets={"precourt": "outcomes"})

    def test_a_small_remainder_is_hidden_though_both_counts_are_large(self):
        # 12 outcomes, 11 pre-court: the one child who was not is there to be read.
        table = pd.concat(
            [
                two_way({"Dudley": [12, 40, 60], "Walsall": [50, 40, 60]}, stage="outcomes"),
                two_way({"Dudley": [11, 20, 30], "Walsall": [25, 20, 30]}, stage="precourt"),
            ],
            ignore_index=True,
        )
        assert "complement" in set(audit(table, RULES, self.nested)["attack"])
        released = protect(table, RULES, self.nested)
        gone = hidden(released)
        assert ("precourt", "Dudley", "Asian") in gone or ("outcomes", "Dudley", "Asian") in gone
        assert audit(released, RULES, self.nested).empty

    def test_a_remainder_of_none_is_safe_where_zeros_are(self):
        table = cells([({"stage": "outcomes"}, 12), ({"stage": "precourt"}, 12)])
        assert hidden(protect(table, RULES, self.nested)) == []
        assert hidden(protect(table, small(zero_safe=False), self.nested)) != []

    def test_a_remainder_two_steps_up_is_hidden_too(self):
        # Neither step is telling by itself once pre-court is hidden; 20 less 15 still is.
        table = cells([({"stage": "outcomes"}, 20), ({"stage": "precourt"}, 17), ({"stage": "resolutions"}, 15)])
        chain = links(subsets={"precourt": "outcomes", "resolutions": "precourt"})
        released = protect(table, RULES, chain).set_index("stage")["n"]
        assert np.isnan(released["outcomes"]) or np.isnan(released["resolutions"])

    def test_stages_that_add_up_protect_each_other(self):
        table = cells([({"stage": "outcomes"}, 40), ({"stage": "precourt"}, 37), ({"stage": "court"}, 3)])
        given = links(parts=[("outcomes", ["precourt", "court"])])
        assert set(audit(only_threshold(table), RULES, given)["attack"]) == {"sums"}
        released = protect(table, RULES, given).set_index("stage")["n"]
        assert np.isnan(released["court"])
        assert np.isnan(released["precourt"]) or np.isnan(released["outcomes"])

    def test_a_public_whole_hides_the_part(self):
        table = cells([({"stage": "population"}, 12), ({"stage": "arrests"}, 11)])
        given = links(subsets={"arrests": "population"}, public_stages=frozenset(["population"]))
        assert hidden(protect(table, RULES, given)) == [("arrests", "All", "All")]


HEADINGS = {
    "Caribbean": "Black",
    "African": "Black",
    "Other Black": "Black",
    "British": "White",
    "Irish": "White",
}


class TestEthnicGroups:
    def table(self):
        broad = {"Black": 30, "White": 100, "Known": 130, "Unknown": 20, "All": 150}
        detailed = {"Caribbean": 3, "African": 12, "Other Black": 15, "British": 80, "Irish": 20}
        rows = [({"group": group}, n) for group, n in broad.items()]
        rows += [({"level": "detailed", "group": group}, n) for group, n in detailed.items()]
        rows += [({"level": "detailed", "group": group}, broad[group]) for group in ("Known", "Unknown", "All")]
        return cells(rows)

    def test_a_broad_group_gives_a_detailed_one_back_and_is_heeded(self):
        given = links(headings=HEADINGS)
        # Hiding Irish as the partner would satisfy the detailed line alone; Black less the others still gives
        # 3.
        table = self.table()
        weak = table.copy()
        weak.loc[weak["group"].isin(["Caribbean", "Irish"]), ["n"]] = np.nan
        weak.loc[weak["n"].isna(), "disclosure"] = "hidden"
        assert "Caribbean" in set(audit(weak, RULES, given)["group"])
        released = protect(table, RULES, given)
        assert audit(released, RULES, given).empty
        assert {"Caribbean"} < set(released.loc[released["n"].isna(), "group"])

    def test_one_count_at_two_levels_is_hidden_at_both(self):
        table = self.table()
        table.loc[table["group"] == "Unknown", "n"] = 4
        table.loc[table["group"] == "All", "n"] = 134
        released = protect(table, RULES, links(headings=HEADINGS))
        assert released.loc[released["group"] == "Unknown", "n"].isna().all()

    def test_a_detailed_group_without_a_heading_is_refused(self):
        with pytest.raises(DisclosureError, match="broad group"):
            protect(self.table(), RULES, links(headings={"African": "Black"}))


class TestPeriods:
    def test_a_rolling_period_less_its_years(self):
        years = ("2021-22", "2022-23", "2023-24")
        counts = dict(zip(years, (14, 3, 20), strict=True)) | {"2021-24": 37}
        table = cells([({"period": period}, n) for period, n in counts.items()])
        given = links(related_periods={"2021-24": years})
        assert set(audit(only_threshold(table), RULES, given)["attack"]) == {"sums"}
        released = protect(table, RULES, given)
        assert released["n"].isna().sum() >= 2
        assert audit(released, RULES, given).empty

    def test_the_year_that_is_not_published(self):
        # 37 in three years, 34 in the two that are shown: 3 in the one that is not.
        table = cells([({"period": "2021-22"}, 14), ({"period": "2023-24"}, 20), ({"period": "2021-24"}, 37)])
        given = links(related_periods={"2021-24": ("2021-22", "2022-23", "2023-24")})
        assert protect(table, RULES, given)["n"].isna().any()

    def test_children_counted_once_in_a_rolling_period_cannot_be_subtracted(self):
        years = ("2021-22", "2022-23", "2023-24")
        counts = dict(zip(years, (14, 3, 20), strict=True)) | {"2021-24": 35}  # two of the children in two years
        table = cells([({"period": period}, n) for period, n in counts.items()])
        events = links(related_periods={"2021-24": years})
        children = links(related_periods={"2021-24": years}, periods_add_up=frozenset())
        assert protect(table, RULES, events)["n"].isna().sum() == 2
        released = protect(table, RULES, children)
        assert released["n"].isna().tolist() == [False, True, False, False]
        assert audit(released, RULES, children).empty
        assert not audit(released, RULES, events).empty

    def test_but_those_of_the_only_year_with_any_can(self):
        # Nobody in the other years: the three years' 9 are that year's, which was hidden for its own group's sake.
        years = ("2021-22", "2022-23", "2023-24")
        counts = {"Asian": (0, 3, 0, 3), "Black": (0, 9, 0, 9), "White": (30, 40, 50, 110), "All": (30, 52, 50, 122)}
        table = cells([
            ({"period": period, "group": group}, n)
            for group, of_group in counts.items()
            for period, n in zip((*years, "2021-24"), of_group, strict=True)
        ])  # fmt: skip
        children = links(related_periods={"2021-24": years}, periods_add_up=frozenset())
        released = protect(table, RULES, children)
        # The year's Black count, if it is hidden for the Asian one, stands at the three years too.
        for year, rolling in ((1, 3), (5, 7)):
            assert np.isnan(released["n"][year]) == np.isnan(released["n"][rolling])
        assert audit(released, RULES, children).empty

    def test_what_the_stages_of_children_leave_of_each_other_adds_up_over_no_period_either(self):
        years = ("2022-23", "2023-24")
        counts = {"cohort": (20, 30, 45), "reoffenders": (12, 27, 36)}
        table = cells([
            ({"stage": stage, "period": period}, n)
            for stage, of_stage in counts.items()
            for period, n in zip((*years, "2022-24"), of_stage, strict=True)
        ])  # fmt: skip
        given = {"subsets": {"reoffenders": "cohort"}, "related_periods": {"2022-24": years}}
        children = links(**given, periods_add_up=frozenset())
        events = links(**given, periods_add_up=frozenset(counts))
        # 3 of 2023-24 did not re-offend; of events, the two years less the other year would say so again
        fewer, more = (protect(table, RULES, one)["n"].isna().sum() for one in (children, events))
        assert fewer < more

    def test_zeros_that_a_sum_leaves_no_room_for(self):
        # Zeros may not be shown; a quarter's 12 are all in its second month, so the others have none.
        months = ("2024-M04", "2024-M05", "2024-M06")
        counts = dict(zip(months, (0, 12, 0), strict=True)) | {"2024-Q2": 12}
        table = cells([({"period": period}, n) for period, n in counts.items()])
        rules, given = small(zero_safe=False), links(related_periods={"2024-Q2": months})
        weak = table.copy()
        weak.loc[[0, 2], ["n", "disclosure"]] = [np.nan, "hidden"]
        assert not audit(weak, rules, given).empty
        released = protect(table, rules, given)
        assert released["n"].isna().tolist()[0:3:2] == [True, True]
        assert audit(released, rules, given).empty


class TestRelatedPeriods:
    def related(self, *kinds, first=2023, last=2024):
        return related_periods(periods(kinds, first, last))

    def test_months_fill_quarters_and_years(self):
        found = self.related("month", "quarter", "calendar_year")
        assert found["2024-Q2"] == ["2024-M04", "2024-M05", "2024-M06"]
        assert found["2024"] == [f"2024-M{month:02d}" for month in range(1, 13)]
        assert "2024-M04" not in found

    def test_a_financial_year_takes_months_of_two_years(self):
        found = self.related("financial_year", "month")
        assert found["2023-24"][0::11] == ["2023-M04", "2024-M03"]
        assert len(found["2023-24"]) == 12

    def test_what_is_left_of_a_year_is_no_secret(self):
        """April to December stand in the release by themselves, January to March follow."""
        found = self.related("financial_year", "quarter")
        assert found["2024-25"] == ["2024-Q2", "2024-Q3", "2024-Q4", REST]

    def test_years_fill_rolling_years_and_these_what_is_longer(self):
        found = self.related("financial_year", "rolling_3_years", first=2020)
        assert found["2022-25 (3 years)"] == ["2022-23", "2023-24", "2024-25"]
        rolling = periods(["rolling_3_years"], 2019, 2024)
        whole = {"period": "six", "kind": "named", "start_day": rolling["start_day"].min()}
        six = pd.DataFrame([whole | {"end_day": rolling["end_day"].max()}])
        assert related_periods(pd.concat([rolling, six])) == {"six": ["2019-22 (3 years)", "2022-25 (3 years)"]}

    def test_one_span_under_two_names(self):
        year = periods(["calendar_year"], 2024, 2024)
        again = year.assign(period="again", kind="named")
        assert related_periods(pd.concat([year, again])) == {"2024": ["again"], "again": ["2024"]}

    def test_months_of_a_quarter_protect_each_other(self):
        counts = {"2024-M04": 14, "2024-M05": 2, "2024-M06": 20, "2024-Q2": 36, "2024-Q3": 30, "2024": 130}
        counts |= {"2024-Q1": 33, "2024-Q4": 31}
        table = cells([({"period": period}, n) for period, n in counts.items()])
        asked = periods(["month", "quarter", "calendar_year"], 2024, 2024)
        given = links(related_periods=related_periods(asked[asked["period"].isin(list(counts))]))
        assert set(audit(only_threshold(table), RULES, given)["attack"]) == {"sums"}
        released = protect(table, RULES, given)
        assert audit(released, RULES, given).empty
        assert released.set_index("period")["n"][["2024-M04", "2024-M06", "2024-Q2"]].isna().any()

    def test_the_last_quarter_of_a_year_is_protected_though_it_is_not_published(self):
        # 90 in the year, 88 in its first three quarters
        counts = {"2024-Q2": 30, "2024-Q3": 30, "2024-Q4": 28, "2024-25": 90}
        table = cells([({"period": period}, n) for period, n in counts.items()])
        given = links(related_periods=self.related("financial_year", "quarter", first=2024))
        assert audit(table, RULES, given)[["period", "attack"]].values.tolist() == [["2024-25", "rest"]]
        released = protect(table, RULES, given)
        assert released["n"].isna().any()
        assert audit(released, RULES, given).empty
        children = links(related_periods=given.related_periods, periods_add_up=frozenset())
        assert_frame_equal(protect(table, RULES, children).drop(columns="reason"), table)
        assert audit(table, RULES, children).empty

    def test_a_rest_of_hidden_counts_is_known_where_their_difference_is(self):
        # The quarter is hidden at both areas and in all; what the year leaves of it still comes out.
        rows = [("2024-Q2", "Dudley", 3), ("2024-Q2", "Walsall", 9), ("2024-Q2", "All", 12)]
        rows += [("2024-25", "Dudley", 40), ("2024-25", "Walsall", 60), ("2024-25", "All", 100)]
        table = cells([({"period": period, "area": area}, n) for period, area, n in rows])
        given = links(related_periods={"2024-25": ["2024-Q2", REST]})
        assert set(audit(only_threshold(table), RULES, given)["attack"]) == {"sums"}
        released = protect(table, RULES, given)
        assert audit(released, RULES, given).empty


class TestMarginsLeftOut:
    def test_a_total_that_is_not_printed_can_still_be_summed(self):
        # Area by sex, and the region: no area's own total. Dudley girls need more than one partner.
        counts = {("Dudley", "Female"): 3, ("Dudley", "Male"): 20, ("Walsall", "Female"): 30, ("Walsall", "Male"): 40}
        rows = [({"area": area, "sex": sex}, n) for (area, sex), n in counts.items()]
        table = cells([*rows, ({}, 93)])
        assert not audit(only_threshold(table), RULES, links()).empty
        released = protect(table, RULES, links())
        assert audit(released, RULES, links()).empty
        assert released["n"].isna().sum() >= 2


class TestRefusals:
    def test_a_key_twice(self):
        with pytest.raises(DisclosureError, match="more than once"):
            protect(cells([({}, 7), ({}, 8)]), RULES, links())

    def test_a_negative_count(self):
        with pytest.raises(DisclosureError, match="negative"):
            protect(cells([({}, -7)]), RULES, links())

    def test_a_column_missing(self):
        with pytest.raises(DisclosureError, match="lacks"):
            protect(cells([({}, 7)]).drop(columns="level"), RULES, links())

    def test_a_cell_that_cannot_be_protected(self):
        # The only part of a public whole: nothing else can be hidden.
        table = cells([({"stage": "population"}, 30), ({"stage": "residents"}, 3)])
        given = links(parts=[("population", ["residents"])], public_stages=frozenset(["population"]))
        with pytest.raises(DisclosureError, match="nothing is released"):
            protect(table, RULES, given)

    def test_counts_that_were_never_available_are_left_as_they_are(self):
        table = two_way({"Dudley": [10, 20], "Walsall": [30, 40]})
        table.loc[0, ["n", "status"]] = [np.nan, "not_available"]
        released = protect(table, RULES, links())
        assert released.loc[0, "disclosure"] == "shown"

    def test_an_empty_table(self):
        table = cells([({}, 7)]).iloc[:0]
        assert protect(table, RULES, links()).empty
        assert audit(table, RULES, links()).empty


tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.integers(0, 9), st.integers(6, 80)), min_size=width, max_size=width),
        min_size=2,
        max_size=5,
    )
)


@settings(max_examples=25)
@given(tables, st.booleans())
def test_an_outsider_with_a_solver_recovers_no_count_of_any_table(counts, zero_safe):
    areas = [f"Area {number}" for number in range(len(counts))]
    rules = small(zero_safe=zero_safe)
    table = two_way(dict(zip(areas, counts, strict=True)))
    released = protect(table, rules, links())
    assert audit(released, rules, links()).empty
    members = by_area_and_group(areas, list(GROUPS[: len(counts[0])]))
    at_risk = table["n"].between(1 if zero_safe else 0, rules.minimum_count - 1)
    assert not at_risk.iloc[recovered(released, members)].any()
    assert released.loc[at_risk, "n"].isna().all()


def test_the_attacker_is_no_straw_man():
    """On random 5-by-4 tables a threshold alone nearly always leaves something to recover."""
    random = np.random.default_rng(11)
    beaten = safe = tried = 0
    members = by_area_and_group([f"Area {n}" for n in range(5)], list(GROUPS[:4]))
    for _ in range(25):
        counts = random.poisson(12, (5, 4)).tolist()
        table = two_way({f"Area {number}": row for number, row in enumerate(counts)})
        weak = only_threshold(table)
        if weak["n"].notna().all():
            continue
        tried += 1
        beaten += bool(recovered(weak, members))
        safe += not recovered(protect(table, RULES, links()), members)
    assert tried > 10
    assert beaten > tried / 2
    assert safe == tried
