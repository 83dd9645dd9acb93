"""What the gate must not let out, or excuse: examples of a handful of counts."""

from __future__ import annotations

import numpy as np
import pytest

from tests.disclosure.tables import RULES, cells, links
from yjd.disclosure import audit
from yjd.disclosure.guard import guard
from yjd.errors import DisclosureError


def test_stages_that_are_said_to_add_up_and_do_not_leave_a_count_like_any_other():
    table = cells([({"stage": "outcomes"}, 42), ({"stage": "precourt"}, 20), ({"stage": "court"}, 20)])
    known = links(
        subsets={"precourt": "outcomes", "court": "outcomes"}, parts=[("outcomes", ("precourt", "court"))]
    )  # fmt: skip
    assert audit(table, RULES, known, cells=table)[["low", "high"]].to_numpy().tolist() == [[2, 2]]
    with pytest.raises(DisclosureError, match="worked out") as error:
        guard(table, RULES, known)
    assert "add up" in str(error.value.remedy)


def test_a_total_with_a_part_that_nobody_prints_leaves_a_count_whatever_other_periods_have():
    rows = [({"period": "2019-20", "area": area}, n) for area, n in (("All", 42), ("A", 20), ("B", 20))]
    rows += [({"period": "2020-21", "area": area}, n) for area, n in (("All", 90), ("A", 30), ("B", 30), ("C", 30))]
    table = cells(rows)
    found = audit(table, RULES, links(), cells=table)
    assert found[["period", "low", "high"]].to_numpy().tolist() == [["2019-20", 2, 2]]


def _by_group(arrests: tuple[int, ...], precourt: tuple[int, ...]):
    rows = []
    for stage, counts in (("arrests", arrests), ("precourt", precourt)):
        rows += [({"stage": stage, "group": group}, n) for group, n in zip(("A", "B", "C"), counts, strict=True)]
        rows += [({"stage": stage, "group": "Known"}, sum(counts)), ({"stage": stage, "group": "Unknown"}, 20)]
        rows.append(({"stage": stage}, sum(counts) + 20))
    return cells(rows)


def test_what_an_earlier_release_gave_away_of_one_sum_excuses_no_other_of_the_same_key():
    known = links(subsets={"precourt": "arrests"})
    whole = _by_group((33, 31, 32), (30, 30, 30))
    earlier = whole[whole["group"] == "A"].reset_index(drop=True)  # A less its precourt: 3
    gone = whole["group"].isin(["B", "C"])
    newest = whole.assign(n=whole["n"].mask(gone), disclosure=np.where(gone, "hidden", "shown"))
    # Now all others than A less theirs are known as well: 96 - 33 - (90 - 30) = 3.
    found = audit([newest, earlier], RULES, known, cells=whole)
    assert sorted(found["attack"]) == ["complement", "shown_earlier"]


def test_a_count_that_an_earlier_release_shows_is_excused():
    known = links(subsets={"precourt": "arrests"})
    whole = _by_group((43, 51, 52), (30, 30, 48))
    small = whole["group"].isin(["B"])
    newest = whole.assign(n=whole["n"].mask(small), disclosure=np.where(small, "hidden", "shown"))
    found = audit([newest, whole], RULES, known, cells=whole)
    assert set(found["attack"]) == {"shown_earlier"}
