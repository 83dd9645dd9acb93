"""Months, quarters and a year of one project, of which the release ends before the year does."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.disclosure.attacker import recovered
from tests.disclosure.tables import KEYS, RULES, links, only_threshold
from yjd.disclosure import audit, protect, related_periods
from yjd.reference_tables import periods
from yjd.schema import CELL_COLUMNS

AREAS, GROUPS, YEAR = ("Dudley", "Walsall"), ("Black", "White"), "2024-25"
MONTHS = [f"2024-M{month:02d}" for month in range(4, 13)] + [f"2025-M{month:02d}" for month in range(1, 4)]
QUARTERS = {f"2024-Q{quarter}": MONTHS[3 * quarter - 6 : 3 * quarter - 3] for quarter in (2, 3, 4)}
WITHIN = {month: [month] for month in MONTHS} | QUARTERS | {YEAR: MONTHS, "rest": MONTHS[9:]}
PUBLISHED = [*MONTHS[:9], *QUARTERS, YEAR]


def members(row):
    """The atoms of a cell: month, area, group."""
    areas = AREAS if row.area == "All" else [row.area]
    groups = GROUPS if row.group == "All" else [row.group]
    return set(product(WITHIN[row.period], areas, groups))


def table_of(seed, mean):
    """Every cell, those of the months that are not published under the one name `rest`."""
    random = np.random.default_rng(seed)
    atoms = list(product(MONTHS, AREAS, GROUPS))
    counts = dict(zip(atoms, random.poisson(random.gamma(1.0, mean, len(atoms))).tolist(), strict=True))
    keys = product([*PUBLISHED, "rest"], (*AREAS, "All"), (*GROUPS, "All"))
    rows = [KEYS | {"period": period, "area": area, "group": group} for period, area, group in keys]
    frame = pd.DataFrame(rows).assign(status="ok", disclosure="shown")
    n = [float(sum(counts[atom] for atom in members(row))) for row in frame.itertuples(index=False)]
    return frame.assign(n=n)[list(CELL_COLUMNS)]


def known():
    table = periods(["month", "quarter", "financial_year"], 2024, 2025)
    return links(related_periods=related_periods(table[table["period"].isin(PUBLISHED)]))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_hidden_comes_back_nor_does_what_the_year_leaves(seed):
    everything = table_of(seed, 12)
    published = everything["period"] != "rest"
    small = everything["n"].between(1, RULES.minimum_count - 1)
    assert small[published].any()

    def found(released):
        """Whether an outsider works out a count that the rules hide, in the release or beyond it."""
        whole = pd.concat([released, everything[~published].assign(n=np.nan)], ignore_index=True)
        places = recovered(whole, members)
        return small.iloc[places].any() or (released["n"].isna().iloc[[p for p in places if p < len(released)]]).any()

    weak = only_threshold(everything[published])
    assert found(weak)
    assert not audit(weak, RULES, known()).empty
    released = protect(everything[published], RULES, known())
    assert audit(released, RULES, known()).empty
    assert not found(released)
    assert released["n"].notna().any()
