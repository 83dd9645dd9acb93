"""Sums over children: made in the warehouse, the same on every engine, the same as counted by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import AREAS, cover, day, fill
from yjd.cube import build_cube, cells
from yjd.measures import counts, measures, stages
from yjd.metrics.counts import CHILD_SUMS
from yjd.repeats import child_sums, contributors
from yjd.schema import SPLITS

SUMS = list(CHILD_SUMS)
YEAR = "2024-25"


def settings(*, broad=((),), detailed=()):
    splits = {"broad": broad, "detailed": detailed}
    analysis = SimpleNamespace(splits=splits, age_bands=("10-11", "12-14", "15-17"))
    return SimpleNamespace(analysis=analysis, project=SimpleNamespace(areas=AREAS))


def summed(warehouse, *names, **splits):
    """Sums of these measures, after the cube."""
    asked = [measures()[name] for name in names]
    known = stages()
    build_cube(warehouse, [known[name] for one in asked for name in (one.numerator, one.denominator)])
    return child_sums(warehouse, asked, known, settings(**splits))[0]


def of(frame, group, **place):
    """The three sums of one cell; a dimension that is not named is All."""
    place = {"period": YEAR, "level": "broad", "group": group} | dict.fromkeys(SPLITS, "All") | place
    found = frame
    for name, value in place.items():
        found = found[found[name] == value]
    assert len(found) == 1, f"{len(found)} rows"
    return found[SUMS].iloc[0].tolist()


def arrests(*children, **more):
    return [{"child_id": child, "row_id": place} | more for place, child in enumerate(children, start=1)]


def test_squares_of_each_childs_arrests(tiny):
    fill(tiny, "arrests", [
        *arrests("a", "a", "a", "b"), *arrests("c", "c", ethnicity="African"), *arrests("d", ethnicity="Unknown"),
    ])  # fmt: skip
    found = summed(tiny, "arrest_rate")
    assert list(found.columns)[:-4] == ["measure", "period", *SPLITS, "level", "group", *SUMS]
    expected = {"White": 9 + 1, "Black": 4, "Asian": 0, "Unknown": 1, "Known": 14, "All": 15}
    for group, squares in expected.items():
        assert of(found, group) == [squares, 0, 0], group
    assert not found.duplicated(["measure", "period", *SPLITS, "level", "group"]).any()


def test_how_many_children_stand_behind_a_count_and_the_most_of_one(tiny):
    fill(tiny, "arrests", [
        *arrests("a", "a", "a", "b"), *arrests("a", area="Coventry"),
        *arrests("c", "c", ethnicity="African"), *arrests(None, None, ethnicity="Unknown"),
    ])  # fmt: skip
    asked = [measures()["arrest_rate"]]
    behind = contributors(summed(tiny, "arrest_rate", broad=((), ("area",)), detailed=((),)), asked)
    own = behind[(behind["stage"] == "arrests") & (behind["level"] == "broad") & (behind["period"] == YEAR)]
    found = {(row.area, row.group): (row.children, row.largest) for row in own.itertuples()}
    # by hand: a is arrested four times, once of them in Coventry; records without an identifier are one child each
    assert found["All", "White"] == (2, 4)
    assert found["Birmingham", "White"] == (2, 3)
    assert found["Coventry", "White"] == (1, 1)
    assert found["All", "Black"] == (1, 2)
    assert found["All", "Unknown"] == (2, 1)
    assert found["All", "All"] == (5, 4)
    assert found["All", "Asian"][0] == 0


def test_a_child_in_two_places_is_one_child_in_all_of_them(tiny):
    fill(tiny, "arrests", arrests("a", "a") + arrests("a", area="Coventry"))
    found = summed(tiny, "arrest_rate", broad=((), ("area",)), detailed=((),))
    assert [of(found, "White", area=area)[0] for area in AREAS] == [4, 1]
    assert of(found, "White")[0] == of(found, "White British", level="detailed")[0] == 9


def test_a_child_recorded_in_two_groups_is_one_child_among_known(tiny):
    fill(tiny, "arrests", arrests("a", "a") + arrests("a", ethnicity="African") + arrests("a", ethnicity="Unknown"))
    found = summed(tiny, "arrest_rate")
    assert [of(found, group)[0] for group in ("White", "Black", "Unknown", "Known", "All")] == [4, 1, 1, 9, 16]


def test_records_without_a_child_and_counts_from_a_partner_are_children_of_their_own(tiny):
    fill(tiny, "arrests", arrests("a", "a", None, None, None))
    fill(tiny, "counts", [{"stage": "arrests", "start_day": "2024-04-01", "end_day": "2025-04-01", "n": 5}])
    assert of(summed(tiny, "arrest_rate"), "White") == [4 + 3 + 5, 0, 0]


def test_a_stage_without_identifiers_claims_nothing(tiny):
    fill(tiny, "searches", [{}, {}, {"outcome": "arrest"}])
    fill(tiny, "arrests", arrests(None, None) + arrests("a", area="Coventry"))
    found = summed(tiny, "arrest_rate", "search_rate", "search_arrest_share", broad=((), ("area",)))
    arrest, searches, share = (
        found[found["measure"] == name] for name in ("arrest_rate", "search_rate", "search_arrest_share")
    )
    assert searches[SUMS].isna().all(axis=None)
    assert share[SUMS].isna().all(axis=None)
    assert of(arrest, "White") == [3, 0, 0]
    assert np.isnan(of(arrest, "White", area="Birmingham")).all()
    assert np.isnan(of(arrest, "Black", area="Birmingham")).all()
    assert of(arrest, "White", area="Coventry") == [1, 0, 0]


def test_what_is_out_of_scope_of_the_cells_is_out_of_scope_here(tiny):
    fill(tiny, "arrests", [
        *arrests("a", "a", area="Elsewhere"), *arrests("a", area="Solihull"), *arrests("a", area="Unknown"),
        *arrests("a", age=9),
    ])  # fmt: skip
    found = summed(tiny, "arrest_rate", broad=((), ("area",)))
    assert of(found, "White") == [4, 0, 0]
    assert of(found, "White", area="Unknown") == [4, 0, 0]
    assert set(found["area"]) == {"All", "Unknown"}


def test_a_part_of_the_base_and_its_base(tiny):
    cautions = {"disposal": "youth_caution", "record_system": "pnc"}
    fill(tiny, "outcomes", [
        {"child_id": "a", "disposal": "fine"}, {"child_id": "a"} | cautions, {"child_id": "a"} | cautions,
        {"child_id": "b"} | cautions, {"child_id": None} | cautions, {"child_id": None, "disposal": "fine"},
    ])  # fmt: skip
    # a: 2 of 3, b: 1 of 1, nobody's: 1 of 1 and 0 of 1
    assert of(summed(tiny, "precourt_share"), "White") == [4 + 1 + 1, 6 + 1 + 1, 9 + 1 + 1 + 1]


def test_events_beside_a_base_that_they_are_no_part_of(tiny):
    fill(tiny, "outcomes", [{"child_id": child, "disposal": "youth_caution"} for child in ("a", "a", None)])
    fill(tiny, "arrests", arrests("a", "a", "a", None))
    assert of(summed(tiny, "precourt_per_arrest"), "White") == [4 + 1, 6, 9 + 1]


def test_measures_of_children_need_no_sums_and_re_offences_do(tiny):
    names = ("children_arrested_rate", "fte_rate_pnc", "reoffending_rate")
    assert summed(tiny, *names).empty
    index = {"child_id": "a", "disposal": "youth_caution", "day": "2024-05-01", "offence_day": "2024-04-20"}
    again = [
        {"child_id": "a", "disposal": "fine", "day": f"2024-0{month}-02", "offence_day": f"2024-0{month}-01"}
        for month in (7, 8, 9)
    ]
    fill(tiny, "outcomes", [index, *again, {**index, "child_id": "b"}])
    found = summed(tiny, "reoffences_per_child")
    assert of(found, "White") == [9, 3, 2]


@pytest.mark.parametrize("one_ethnicity", [True, False])
def test_any_records_as_pandas_sums_them(tiny, one_ethnicity):
    chance = np.random.default_rng(7)
    size = 400
    child = chance.integers(0, 60, size)
    code = child if one_ethnicity else chance.integers(0, 60, size)
    names = np.array(["White British", "White Irish", "African", "Indian", "Asian", "Unknown"])
    frame = pd.DataFrame(
        {
            "child_id": np.where(child < 50, child.astype(str), None),
            "day": np.where(chance.random(size) < 0.5, day("2023-06-01"), day("2024-06-01")),
            "area": chance.choice([*AREAS, "Unknown", "Elsewhere"], size),
            "sex": chance.choice(["Male", "Female"], size),
            "age": chance.integers(10, 18, size),
            "ethnicity": names[code % len(names)],
        }
    )
    fill(tiny, "arrests", frame.to_dict("records"))
    found = summed(tiny, "arrest_rate", broad=((), ("area",), ("sex", "area")), detailed=((),))
    frame = frame[frame["area"] != "Elsewhere"]
    frame["period"] = np.where(frame["day"] == day("2024-06-01"), YEAR, "2023-24")
    heading = {"White British": "White", "White Irish": "White", "African": "Black", "Indian": "Asian"}
    frame["broad"] = frame["ethnicity"].replace(heading)
    frame["unit"] = frame["child_id"].where(frame["child_id"].notna(), frame.index.to_series().astype(str) + "x")
    checked = 0
    for split in ([], ["area"], ["area", "sex"]):
        for level in ("broad", "ethnicity") if not split else ("broad",):
            for group in ("broad", "Known", "All"):
                part = frame[frame["ethnicity"] != "Unknown"] if group == "Known" else frame
                part = part.assign(group=part[level] if group == "broad" else group)
                each = part.groupby(["period", *split, "group", "unit"]).size() ** 2
                for key, squares in each.groupby(["period", *split, "group"]).sum().items():
                    place = dict(zip(["period", *split], key[:-1], strict=True))
                    name = "Asian (no detail)" if (level, key[-1]) == ("ethnicity", "Asian") else key[-1]
                    place["level"] = "broad" if level == "broad" else "detailed"
                    assert of(found, name, **place)[0] == squares
                    checked += 1
    assert checked > 80


def test_counts_take_the_sums_along_and_a_hidden_row_does_not(tiny):
    for table in ("arrests", "outcomes"):
        cover(tiny, table, "2023-04-01", "2025-03-31")
    fill(tiny, "arrests", arrests("a", "a") + arrests("b", ethnicity="African"))
    fill(tiny, "population", [{"area": area} for area in AREAS])
    sums = summed(tiny, "arrest_rate")
    known = [stages()[name] for name in ("arrests", "population")]
    counted = cells(build_cube(tiny, known), tiny, known, settings())
    counted.loc[counted["group"] == "Black", "disclosure"] = "hidden"
    measure = measures()["arrest_rate"]
    without, found = counts(counted, measure), counts(counted, measure, sums)
    assert list(found.columns) == [*without.columns, *SUMS]
    pd.testing.assert_frame_equal(found[list(without.columns)], without)
    squares = found[found["period"] == YEAR].set_index("group")["numerator_squares"]
    assert squares[["White", "Asian"]].tolist() == [4, 0]
    assert np.isnan(squares["Black"])
    # nothing at all was counted in the other year
    assert found.loc[found["period"] == "2023-24", SUMS].isna().all(axis=None)
    assert counts(counted, measure, sums.iloc[:0])[SUMS].isna().all(axis=None)


def test_children_whom_two_years_share(tiny):
    before = {"day": "2023-06-01"}
    fill(tiny, "arrests", [
        *arrests("a", "a", "b", None, **before), *arrests("a", "a", "a", "c", None),
        *arrests("d", ethnicity="African", **before), *arrests("d", ethnicity="African", area="Coventry"),
    ])  # fmt: skip
    asked, known = [measures()[name] for name in ("arrest_rate", "children_arrested_rate")], stages()
    build_cube(tiny, [known[name] for name in ("arrests", "children_arrested", "population")])
    place = settings(broad=((), ("area",)))
    _, found = child_sums(tiny, asked, known, place, pairs=[("2023-24", YEAR)])
    rows = found[found["measure"] == "arrest_rate"].set_index(["area", "group"])["yy"].to_dict()
    assert rows == {
        ("All", "White"): 6, ("All", "Black"): 1, ("All", "Known"): 7, ("All", "All"): 7,
        ("Birmingham", "White"): 6, ("Birmingham", "Known"): 6, ("Birmingham", "All"): 6,
    }  # fmt: skip
    children = found[(found["measure"] == "children_arrested_rate") & (found["area"] == "All")]
    assert children.set_index("group")["yy"].to_dict() == {"White": 1, "Black": 1, "Known": 2, "All": 2}
    assert set(found["from_period"]) == {"2023-24"}
    assert set(found["period"]) == {YEAR}
    assert (found[["yx", "xy", "xx"]] == 0).all(axis=None)
    assert child_sums(tiny, asked, known, place, pairs=[])[1].empty


def test_events_and_their_base_across_two_years(tiny):
    fill(tiny, "outcomes", [
        {"child_id": "a", "disposal": "youth_caution", "day": "2023-06-01"},
        {"child_id": "a", "disposal": "fine", "day": "2023-07-01"},
        *({"child_id": "a", "disposal": name} for name in ("youth_caution", "youth_caution", "fine")),
    ])  # fmt: skip
    asked, known = [measures()["precourt_share"]], stages()
    build_cube(tiny, [known[name] for name in ("precourt", "outcomes")])
    _, found = child_sums(tiny, asked, known, settings(), pairs=[("2023-24", YEAR)])
    # 1 of 2 and 2 of 3
    assert found.set_index("group").loc["White", ["yy", "yx", "xy", "xx"]].tolist() == [2, 3, 4, 6]


def test_no_scratch_table_is_left(tiny):
    fill(tiny, "arrests", arrests("a"))
    summed(tiny, "arrest_rate")
    assert not any(tiny.exists(f"child_{name}") for name in ("rows", "number", "place", "events", "cell", "cell_pair"))


@pytest.mark.parametrize("splits", [{}, {"broad": (), "detailed": ()}])
def test_nothing_counted_or_nothing_published_is_an_empty_table(tiny, splits):
    asked, known = [measures()["arrest_rate"]], stages()
    build_cube(tiny, [known["arrests"]])
    pairs = [("2023-24", YEAR), ("2023-24", YEAR)]
    found, shared = child_sums(tiny, asked, known, settings(**splits), pairs=pairs)
    assert list(found.columns)[:-4] == ["measure", "period", *SPLITS, "level", "group", *SUMS]
    assert found.empty
    assert shared.empty
