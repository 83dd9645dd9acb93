"""Small tables of cells for the tests of disclosure control."""

from __future__ import annotations

import pandas as pd

from yjd.disclosure import Links, Rules
from yjd.schema import CELL_COLUMNS, SPLITS

RULES = Rules(
    minimum_count=6,
    zero_safe=True,
    minimum_denominator=0,
    minimum_children=0,
    largest_share_percent=100,
    interval_width=3,
    method="hide",
    round_to=0,
)
KEYS = {
    "stage": "arrests", "period": "2023-24", **dict.fromkeys(SPLITS, "All"), "level": "broad", "group": "All",
}  # fmt: skip
GROUPS = ("Asian", "Black", "Mixed", "Other", "White", "Unknown")


def links(**given):
    """What an outsider knows: nothing but what is given."""
    empty = {
        "subsets": {}, "parts": [], "public_stages": frozenset(), "related_periods": {}, "headings": {},
        "denominators": [], "periods_add_up": frozenset(["arrests", "outcomes", "precourt", "court"]),
    }  # fmt: skip
    return Links(**(empty | given))


def cells(rows):
    """Cells from (differences from KEYS, n)."""
    frame = pd.DataFrame([KEYS | keys | {"n": float(n), "status": "ok", "disclosure": "shown"} for keys, n in rows])
    return frame[list(CELL_COLUMNS)]


def two_way(table, *, totals=True, **keys):
    """Areas by groups: `table` maps an area to its counts, one for each of the first groups; with every total."""
    rows = []
    width = len(next(iter(table.values())))
    names = GROUPS[:width]
    lines = dict(table)
    if totals:
        lines["All"] = [sum(column) for column in zip(*table.values(), strict=True)]
    for area, counts in lines.items():
        rows += [({"area": area, "group": name} | keys, n) for name, n in zip(names, counts, strict=True)]
        if totals:
            rows.append(({"area": area, "group": "All"} | keys, sum(counts)))
    return cells(rows)


def hidden(table):
    """The keys that are hidden, without what does not vary."""
    gone = table[table["disclosure"] == "hidden"]
    return [tuple(row) for row in gone[["stage", "area", "group"]].itertuples(index=False)]


def only_threshold(table, rules=RULES):
    """What a threshold alone would release."""
    small = (table["n"] > 0) & (table["n"] < rules.minimum_count)
    released = table.copy()
    released.loc[small, "n"] = float("nan")
    released.loc[small, "disclosure"] = "hidden"
    return released
