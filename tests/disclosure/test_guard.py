"""One release after the other through the gate, as a project makes them: revised, and revised back."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest

from tests.disclosure.tables import RULES, cells, links
from yjd.disclosure import audit, guard
from yjd.errors import DisclosureError

LINKS = links(related_periods={"2024": ["Q1", "Q2"]})
OTHERS = {"Sandwell": (12, 14), "Solihull": (9, 30), "Walsall": (20, 25)}


def delivered(first):
    """Two quarters and their year, of areas that add up; Dudley's first quarter is what varies."""
    areas = {"Dudley": (first, 9), **OTHERS}
    areas["All"] = tuple(sum(counts) for counts in zip(*areas.values(), strict=True))
    return cells([
        ({"area": area, "period": period}, n)
        for area, (one, other) in areas.items() for period, n in (("Q1", one), ("Q2", other), ("2024", one + other))
    ])  # fmt: skip


def test_a_count_that_is_revised_and_revised_back_does_not_stop_the_next_release() -> None:
    released: list[pd.DataFrame] = []
    for first in (6, 5, 6, 5, 4, 6):
        counts = delivered(first)
        released.insert(0, guard(counts, RULES, LINKS, earlier=released))
        found = audit(released, RULES, LINKS, cells=counts)
        assert found[found["attack"] != "shown_earlier"].empty
    hidden = [set(one.index[one["disclosure"] == "hidden"]) for one in reversed(released)]
    assert not hidden[0]  # nothing was small
    assert hidden[1]
    assert all(before <= now for before, now in pairwise(hidden))


def test_periods_that_overlap_across_releases_are_refused() -> None:
    periods = pd.DataFrame({"period": ["one", "two"], "start_day": [0, 100], "end_day": [200, 300]})
    with pytest.raises(DisclosureError, match="overlap"):
        guard(delivered(6), RULES, LINKS, periods=periods)
