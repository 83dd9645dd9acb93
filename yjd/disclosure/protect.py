"""Cells in, cells out with every count that may not be shown hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from yjd.disclosure.primary import primary, too_small
from yjd.disclosure.relations import Flags, Floats, System, build_system
from yjd.disclosure.rules import Links, Rules
from yjd.disclosure.secondary import Facts, Search
from yjd.errors import DisclosureError
from yjd.schema import ALL, CELL_COLUMNS, HIDDEN, KNOWN, SPLITS, UNKNOWN

#: Hiding a shown zero protects little (an outsider may guess it), so it comes last.
ZERO_COST = 1e6
#: What a cell split by none, one, two, three or four of the dimensions is worth.
SPLIT_COSTS = (1000.0, 30.0, 1.0, 0.5, 0.25)
ROLLING_COST = 0.01


def protect(
    cells: pd.DataFrame,
    rules: Rules,
    links: Links,
    *,
    earlier: pd.DataFrame | None = None,
    children: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Hide every count that may not be shown, and as many more as it takes to keep it hidden.

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`; every cell that will be published, in one table. Not changed.
    rules : Rules
        The data owner's rules.
    links : Links
        How stages, periods and groups are tied to each other.

    Returns
    -------
    DataFrame
        The same rows in the same order. A hidden cell has `n` NaN (never 0) and `disclosure` ``primary``
        (hidden for its own sake) or ``secondary`` (hidden to protect another). A rounded one has ``rounded``.

    Raises
    ------
    DisclosureError
        When a count cannot be protected, or the table cannot be understood. Nothing is released then.
    """
    missing = [column for column in CELL_COLUMNS if column not in cells.columns]
    if missing:
        raise DisclosureError(
            f"The table of cells lacks the columns {', '.join(missing)}.", "Build it with yjd's own cells step."
        )
    if (cells["n"] < 0).any():
        raise DisclosureError(
            f"{int((cells['n'] < 0).sum())} counts are negative.", "Mend the extract: a count of children is 0 or more."
        )
    system = build_system(cells, links)
    already = cells["disclosure"].isin(HIDDEN).to_numpy()
    own = primary(cells, rules, links)
    facts = _facts(cells, rules, links, system, own)
    search = Search(system, facts, rules, own | already)
    # A table that was protected before is left as it is, where it still stands.
    settled = already.any() and not (own & ~already).any() and search.safe()
    hidden = already if settled else search.run()

    released = cells.copy()
    released["n"] = released["n"].astype(np.float64)
    released.loc[hidden, "n"] = np.nan
    released.loc[hidden, "disclosure"] = "hidden"
    released["reason"] = np.select([~hidden, own], ["", "count"], "protects")
    return _rounded(released, rules, links) if rules.round_to else released


def _facts(cells: pd.DataFrame, rules: Rules, links: Links, system: System, own: Flags) -> Facts:
    """Work out what the search for further cells needs to know."""
    public = cells["stage"].isin(links.public_stages).to_numpy()
    rounded = (cells["disclosure"] == "rounded").to_numpy()
    derived = system.matrix.shape[1] - system.cells
    nothing = np.zeros(derived, dtype=np.bool_)
    # A derived cell is judged like any other, unless it comes from a count that was rounded or hidden before.
    from_rounded = (system.definitions @ rounded.astype(np.float64)) > 0
    violated = too_small(system.n[system.cells :], rules) & ~from_rounded
    return Facts(
        small=np.concatenate([own, violated]),
        may_hide=~public & ~cells["n"].isna().to_numpy(),
        cost=_costs(cells, rules, links),
        rounded=np.concatenate([rounded, nothing]),
    )


def _costs(cells: pd.DataFrame, rules: Rules, links: Links) -> Floats:
    """Return what hiding each cell loses: more for what most people read (the region, every child)."""
    n = cells["n"].fillna(0.0).to_numpy(dtype=np.float64)
    weight = cells["group"].map({ALL: 20.0, KNOWN: 10.0, UNKNOWN: 0.5}).fillna(1.0).to_numpy(dtype=np.float64)
    weight = weight * np.where(cells["level"] == "broad", 2.0, 1.0)
    splits = sum((cells[column] != ALL).to_numpy(dtype=np.int64) for column in SPLITS)
    weight = weight * np.choose(splits, SPLIT_COSTS)
    # Otherwise one year that is hidden hides another, and that one its own groups: the sum of the years gives way.
    weight = weight * np.where(cells["period"].isin(list(links.related_periods)), ROLLING_COST, 1.0)
    cost: Floats = np.sqrt(1.0 + n) * weight
    return np.where((n == 0) & rules.zero_safe, cost + ZERO_COST, cost)


def _rounded(released: pd.DataFrame, rules: Rules, links: Links) -> pd.DataFrame:
    """Round every shown count that is not public to the nearest multiple, halves up."""
    base = rules.round_to
    own = ~released["stage"].isin(links.public_stages) & released["n"].notna()
    if rules.zero_safe:  # 0 is already a multiple, and "rounded" would say less than is known
        own &= released["n"] != 0
    released.loc[own, "n"] = np.floor(released.loc[own, "n"] / base + 0.5) * base
    released.loc[own, "disclosure"] = "rounded"
    return released
