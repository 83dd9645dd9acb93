"""The audit on small tables whose every solution can be listed; each attack on a weak release and on a sound one."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from tests.disclosure.tables import RULES, cells, links, two_way
from yjd.disclosure.audit import audit
from yjd.schema import CELL_COLUMNS

TABLE = {"Dudley": [3, 20, 30], "Walsall": [10, 20, 40], "Solihull": [7, 9, 30]}


def hide(table, *keys):
    """Hide the cells that match any of these differences."""
    gone = np.zeros(len(table), dtype=bool)
    for key in keys:
        gone |= np.all([(table[name] == value).to_numpy() for name, value in key.items()], axis=0)
    hidden = table.copy()
    hidden.loc[gone, "n"] = np.nan
    hidden.loc[gone, "disclosure"] = "hidden"
    return hidden


def small_hidden(table, rules=RULES):
    small = (table["n"] >= rules.smallest_hidden) & (table["n"] < rules.minimum_count)
    hidden = table.copy()
    hidden.loc[small, "n"] = np.nan
    hidden.loc[small, "disclosure"] = "hidden"
    return hidden


def attacks(found):
    return set(found["attack"])


def test_a_small_count_that_is_shown_is_found():
    table = two_way(TABLE)
    found = audit(table, RULES, links(), cells=table)
    assert [*found.loc[found["attack"] == "shown", ["area", "group", "low", "high"]].iloc[0]] == [
        "Dudley",
        "Asian",
        3,
        3,
    ]


def test_one_hidden_cell_among_totals_is_worked_out():
    table = two_way(TABLE)
    for known in (table, None):
        found = audit(small_hidden(table), RULES, links(), cells=known)
        assert attacks(found) == {"sums"}
        assert [*found[["low", "high"]].iloc[0]] == [3, 3]


def test_a_rectangle_of_hidden_cells_is_sound():
    table = two_way(TABLE)
    hidden = hide(
        table, *({"area": area, "group": group} for area in ("Dudley", "Walsall") for group in ("Asian", "Black"))
    )
    assert audit(hidden, RULES, links(), cells=table).empty
    assert audit(hidden, RULES, links()).empty


def test_counts_that_share_a_small_total_are_too_narrow():
    table = cells([({"group": "Asian"}, 1), ({"group": "Black"}, 1), ({"group": "White"}, 30), ({"group": "All"}, 32)])
    hidden = small_hidden(table)
    found = audit(hidden, RULES, links(), cells=table)
    assert attacks(found) == {"interval"}
    assert [*found[["low", "high"]].iloc[0]] == [0, 2]
    assert audit(hidden, RULES, links()).empty  # without the counts: either may be 0, which the rule does not hide


def test_what_a_part_leaves_of_its_whole_is_found():
    given = links(subsets={"precourt": "outcomes"})
    table = cells([({"stage": "outcomes"}, 12), ({"stage": "precourt"}, 11)])
    for known in (table, None):
        found = audit(table, RULES, given, cells=known)
        assert attacks(found) == {"complement"}
        assert [*found[["stage", "low", "high"]].iloc[0]] == ["precourt", 1, 1]
    safe = cells([({"stage": "outcomes"}, 12), ({"stage": "precourt"}, 12)])
    assert audit(safe, RULES, given, cells=safe).empty


def test_what_several_parts_leave_is_found_and_hiding_one_of_them_helps():
    given = links(subsets={"precourt": "outcomes", "court": "outcomes"})
    table = cells([({"stage": "outcomes"}, 40), ({"stage": "precourt"}, 18), ({"stage": "court"}, 20)])
    assert attacks(audit(table, RULES, given, cells=table)) == {"residual"}
    assert attacks(audit(table, RULES, given)) == {"residual"}
    hidden = hide(table, {"stage": "court"})
    assert audit(hidden, RULES, given, cells=table).empty
    assert audit(hidden, RULES, given).empty


def test_the_rest_of_a_period_is_found():
    given = links(related_periods={"2023-24": ["Q1", "Q2", "Q3", ""]})
    parts = [({"period": period}, n) for period, n in (("2023-24", 40), ("Q1", 10), ("Q2", 10), ("Q3", 18))]
    assert attacks(audit(cells(parts), RULES, given)) == {"rest"}
    whole = links(related_periods={"2023-24": ["Q1", "Q2", "Q3"]})
    sound = cells([*parts[:3], ({"period": "Q3"}, 20)])
    assert audit(sound, RULES, whole).empty


def test_children_counted_once_are_narrowed_by_their_years():
    """A child of a longer period is counted in one of its years at least: of nobody in two years and 2 in one."""
    given = links(related_periods={"3 years": ["1", "2", "3"]}, periods_add_up=frozenset())
    table = cells([({"period": p}, n) for p, n in (("3 years", 2), ("1", 0), ("2", 2), ("3", 0))])
    hidden = hide(table, {"period": "2"}, {"period": "3 years"})
    assert audit(hidden, RULES, given, cells=table).empty
    shown_zero = cells([({"period": p}, n) for p, n in (("3 years", 7), ("1", 4), ("2", 3), ("3", 0))])
    found = audit(hide(shown_zero, {"period": "1"}, {"period": "2"}), RULES, given, cells=shown_zero)
    assert found.empty
    first = cells([({"period": p}, n) for p, n in (("3 years", 12), ("1", 5), ("2", 8), ("3", 0))])
    found = audit(hide(first, {"period": "1"}), RULES, given, cells=first)
    assert [*found[["low", "high"]].iloc[0]] == [4, 12]


def test_a_margin_that_is_not_printed_is_found():
    rows = [({"area": a, "sex": s, "group": "All"}, n) for a, s, n in (
        ("Dudley", "Female", 1), ("Dudley", "Male", 2), ("Walsall", "Female", 20), ("Walsall", "Male", 30),
    )]  # fmt: skip
    rows += [({"sex": "Female"}, 21), ({"sex": "Male"}, 32), ({}, 53), ({"area": "Walsall", "sex": "All"}, 50)]
    table = cells(rows)
    weak = hide(table, {"area": "Dudley", "sex": "Female"}, {"area": "Dudley", "sex": "Male"})
    assert "sums" in attacks(audit(weak, RULES, links(), cells=table))
    only = table[(table["area"] != "All") & (table["sex"] != "All")]
    hidden = hide(only, {"area": "Dudley"})
    assert audit(hidden, RULES, links(), cells=only).empty


def test_detailed_groups_give_their_broad_group_away():
    given = links(headings={"Indian": "Asian", "Pakistani": "Asian"})
    rows = [({"level": "detailed", "group": "Indian"}, 1), ({"level": "detailed", "group": "Pakistani"}, 2)]
    table = cells([*rows, ({"level": "broad", "group": "Asian"}, 3)])
    weak = table.assign(n=table["n"].mask(table["level"] == "broad"))
    weak["disclosure"] = weak["disclosure"].mask(weak["n"].isna(), "hidden")
    assert attacks(audit(weak, RULES, given, cells=table)) == {"shown", "sums"}


def test_others_than_a_group_are_a_count():
    table = cells(
        [({"group": "Asian"}, 40), ({"group": "Black"}, 1), ({"group": "Mixed"}, 2), ({"group": "Known"}, 43)]
    )
    assert "others" in attacks(audit(small_hidden(table), RULES, links(), cells=table))


def test_one_cell_with_two_counts_is_a_contradiction():
    table = cells([({}, 12), ({}, 13)])
    assert attacks(audit(table, RULES, links())) == {"contradiction"}
    assert attacks(audit(two_way({"Dudley": [8, 9]}).assign(n=[8, 9, 17, 8, 9, 18]), RULES, links())) == {
        "contradiction"
    }


def test_equations_that_cannot_all_hold_are_never_a_pass():
    table = cells([({"area": a}, n) for a, n in (("All", 20), ("Dudley", 30), ("Walsall", 1))])
    found = audit(hide(table, {"area": "Walsall"}), RULES, links())
    assert attacks(found) == {"not settled"}


def test_what_was_shown_earlier_is_a_finding_of_its_own():
    table = two_way(TABLE)
    hidden = hide(
        table, *({"area": area, "group": group} for area in ("Dudley", "Walsall") for group in ("Asian", "Black"))
    )
    found = audit([hidden, table], RULES, links(), cells=table)
    assert attacks(found) == {"shown_earlier"}
    assert [*found[["area", "group", "low"]].iloc[0]] == ["Dudley", "Asian", 3]


def test_two_releases_that_are_safe_alone_are_not_together():
    table = two_way(TABLE)
    one = hide(table, *({"area": a, "group": g} for a in ("Dudley", "Walsall") for g in ("Asian", "Black")))
    other = hide(table, *({"area": a, "group": g} for a in ("Dudley", "Solihull") for g in ("Asian", "Mixed")))
    assert audit(one, RULES, links(), cells=table).empty
    assert audit(other, RULES, links(), cells=table).empty
    found = audit([one, other], RULES, links(), cells=table)
    assert attacks(found) == {"sums"}
    assert {*found["group"]} == {"Asian"}


def test_what_was_revised_says_nothing_and_what_was_not_still_holds():
    table = two_way(TABLE)
    one = hide(table, *({"area": a, "group": g} for a in ("Dudley", "Walsall") for g in ("Asian", "Black")))

    def with_a_release_before(*walsall):
        before = two_way({"Dudley": [3, 21, 30], "Walsall": walsall, "Solihull": [7, 9, 30]})
        other = hide(before, *({"area": a, "group": g} for a in ("Dudley", "Solihull") for g in ("Asian", "Mixed")))
        return audit([one, other], RULES, links(), cells=table)

    # the 10 of Walsall is still true, and what hides Dudley's 3 now is gone; revised ones say nothing of today
    assert {*with_a_release_before(10, 20, 40)["low"]} == {3}
    assert with_a_release_before(11, 21, 40).empty


def test_a_count_that_was_revised_and_is_what_it_was_again_does_not_stop_a_release():
    """6, then 5 and hidden, then 6: that it was 5 in between is no count of today's."""
    given = links(related_periods={"2024": ["Q1", "Q2"]})

    def release(first, *hidden):
        rows = [({"period": p, "area": a}, n) for a, ns in (("Dudley", [first, 9]), ("Walsall", [20, 30]))
                for p, n in (("Q1", ns[0]), ("Q2", ns[1]), ("2024", sum(ns)))]  # fmt: skip
        table = cells([*rows, *(({"period": p}, n) for p, n in (("Q1", first + 20), ("Q2", 39), ("2024", first + 59)))])
        return hide(table, *({"period": p, "area": a} for p, a in hidden)), table

    square = [(quarter, area) for quarter in ("Q1", "Q2") for area in ("Dudley", "Walsall")]
    (first, _), (then, before), (now, true) = release(6), release(5, *square), release(6, *square)
    assert audit([now, then, first], RULES, given, cells=true).empty
    # while 5 is what is true, it is held to the rules: the first release says what the second quarter was
    assert {*audit([then, first], RULES, given, cells=before)["low"]} == {5}


def test_months_of_an_earlier_release_open_a_quarter():
    given = links(related_periods={"Q1": ["April", "May", "June"]})
    groups = [("Asian", 3, 2, 9), ("Black", 4, 8, 10), ("All", 7, 10, 19)]
    quarter = cells([({"period": "Q1", "group": g}, sum(n)) for g, *n in groups])
    names = ("April", "May", "June")
    months = cells(
        [({"period": p, "group": g}, n) for g, *counts in groups for p, n in zip(names, counts, strict=True)]
    )
    earlier = hide(months, {"period": "April", "group": "Asian"}, {"period": "April", "group": "Black"})
    assert "sums" in attacks(audit([quarter, earlier], RULES, given))
    assert audit([quarter], RULES, given).empty


def test_events_of_few_children_and_of_one_are_held_to_the_rules():
    table = two_way(TABLE)
    children = table[[c for c in CELL_COLUMNS if c not in ("n", "status", "disclosure")]].assign(
        children=50.0, largest=1.0
    )
    of_two = (children["area"] == "Solihull") & (children["group"] == "Mixed")
    children.loc[of_two, "children"] = 2.0
    strict = replace(RULES, minimum_children=3)
    sound = hide(table, *({"area": a, "group": g} for a in ("Dudley", "Solihull") for g in ("Asian", "Mixed")))
    assert audit(sound, strict, links(), cells=table, children=children).empty
    weak = hide(table, *({"area": a, "group": g} for a in ("Dudley", "Walsall") for g in ("Asian", "Black")))
    assert attacks(audit(weak, strict, links(), cells=table, children=children)) == {"shown"}
    dominated = children.assign(children=50.0, largest=np.where(of_two, 20.0, 1.0))
    found = audit(weak, replace(RULES, largest_share_percent=60), links(), cells=table, children=dominated)
    assert attacks(found) == {"shown"}


def test_nothing_published_is_nothing_found():
    table = two_way(TABLE)
    everything = table.assign(n=np.nan, disclosure="hidden")
    assert audit(everything, RULES, links(), cells=table).empty
    assert audit(table.iloc[:0], RULES, links()).empty


def _listed(shown, rows, columns):
    """Least and most of each hidden cell over all tables of whole numbers, one by one."""
    hidden = [place for place, value in enumerate(shown) if value is None]
    most = [min(rows[place // len(columns)], columns[place % len(columns)]) for place in hidden]
    found = []
    for guess in itertools.product(*(range(one + 1) for one in most)):
        full = list(shown)
        for place, value in zip(hidden, guess, strict=True):
            full[place] = value
        grid = np.array(full).reshape(len(rows), len(columns))
        if (grid.sum(axis=1) == rows).all() and (grid.sum(axis=0) == columns).all():
            found.append(guess)
    return np.array(found)


@pytest.mark.parametrize("seed", range(6))
def test_intervals_are_those_of_all_tables_listed_one_by_one(seed):
    """Tables of two ways: the corners of the polytope are whole numbers, so the intervals are the same."""
    chance = np.random.default_rng(seed)
    grid = chance.poisson(1.2, (3, 3))
    areas, groups = ("Dudley", "Walsall", "Solihull"), ("Asian", "Black", "Mixed")
    table = two_way(dict(zip(areas, grid.tolist(), strict=True)))
    gone = chance.random((3, 3)) < 0.55
    hidden = hide(table, *({"area": areas[i], "group": groups[j]} for i, j in np.argwhere(gone)))
    narrow = replace(RULES, minimum_count=40, interval_width=39)  # so that everything is reported
    found = audit(hidden, narrow, links(), cells=table)
    found = found[found["attack"].isin(["sums", "interval"])].set_index(["area", "group"])
    shown = [None if hide_ else int(n) for hide_, n in zip(gone.ravel(), grid.ravel(), strict=True)]
    every = _listed(shown, grid.sum(axis=1), grid.sum(axis=0))
    for number, (i, j) in enumerate(np.argwhere(gone)):
        if grid[i, j] >= 1:
            low, high = found.loc[(areas[i], groups[j]), ["low", "high"]]
            assert (low, high) == (every[:, number].min(), every[:, number].max())


@pytest.mark.parametrize("seed", range(4))
def test_intervals_agree_with_a_programme_written_from_the_atoms(seed):
    """Stages within stages, areas, sexes and groups: atoms are the counts behind everything, kept apart by stage."""
    chance = np.random.default_rng(100 + seed)
    areas, sexes, groups, stages = ("Dudley", "Walsall"), ("Female", "Male"), ("Asian", "Black", "White"), ("a", "b")
    whole = chance.poisson(4, (2, 2, 3))
    part = chance.binomial(whole, 0.6)
    rows, members = [], []
    for s, counts in enumerate((whole, part)):
        for i, j in itertools.product((None, 0, 1), repeat=2):
            for k in (None, 0, 1, 2):
                index = tuple(slice(None) if at is None else at for at in (i, j, k))
                key = {
                    "stage": stages[s], "area": "All" if i is None else areas[i],
                    "sex": "All" if j is None else sexes[j], "group": "All" if k is None else groups[k],
                }  # fmt: skip
                rows.append((key, counts[index].sum()))
                atoms = np.zeros((2, 2, 2, 3))
                atoms[(s, *index)] = 1
                members.append(atoms.ravel())
    table, form = cells(rows), np.array(members)
    gone = (table["n"] > 0) & (table["n"] < 6) | (chance.random(len(table)) < 0.2)
    hidden = table.assign(n=table["n"].mask(gone), disclosure=table["disclosure"].mask(gone, "hidden"))
    narrow = replace(RULES, minimum_count=200, interval_width=199)
    found = audit(hidden, narrow, links(subsets={"b": "a"}), cells=table)
    found = found[found["attack"].isin(["sums", "interval"])].set_index(["stage", "area", "sex", "group"])
    shown = ~gone.to_numpy()
    nested = np.hstack([-np.eye(12), np.eye(12)])  # a part is no more than its whole
    for place in np.flatnonzero(~shown):
        if table["n"].iloc[place] < 1:
            continue
        ends = []
        for sign in (1, -1):
            answer = linprog(
                sign * form[place], A_ub=nested, b_ub=np.zeros(12), A_eq=form[shown], b_eq=table["n"].to_numpy()[shown],
            )  # fmt: skip
            ends.append(sign * answer.fun if answer.status == 0 else np.inf)
        low, high = found.loc[tuple(table[["stage", "area", "sex", "group"]].iloc[place]), ["low", "high"]]
        assert low == pytest.approx(np.ceil(ends[0] - 1e-6))
        assert high == pytest.approx(np.floor(ends[1] + 1e-6))


def test_it_reads_what_is_published_and_leaves_it_as_it_was():
    table = small_hidden(two_way(TABLE))
    before = table.copy()
    audit(table, RULES, links())
    pd.testing.assert_frame_equal(table, before)
