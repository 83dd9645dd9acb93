"""Which cells must be hidden for their own sake, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.disclosure.columns import Flags, Floats
from yjd.disclosure.rules import Links, Rules
from yjd.schema import CELL_KEYS

#: Reasons in the order in which they are given: a count that is small itself needs no other.
COUNT, DENOMINATOR, CHILDREN, DOMINANCE = "count", "denominator", "children", "dominance"


def too_small(n: Floats, rules: Rules) -> Flags:
    """Whether each count may not be known. NaN may: there is nothing to know."""
    return (n >= rules.smallest_hidden) & (n < rules.minimum_count)


def reasons(cells: pd.DataFrame, rules: Rules, links: Links, children: pd.DataFrame | None) -> NDArray[np.object_]:
    """Return why each cell is hidden for its own sake ('' where it is not).

    A denominator below `minimum_denominator` is hidden itself. Where it is public (population), hiding it would hide
    nothing, and the counts measured against it are hidden instead. Either way every row that would use the pair is
    blank, and so is every other row from which the pair could be put together again.

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`.
    rules, links
        As in `yjd.disclosure.protect`.
    children : DataFrame or None
        Columns of `yjd.schema.CELL_KEYS`, and children and largest: the distinct children behind a count of events,
        and the most events of one of them.
    """
    n = cells["n"].to_numpy(dtype=np.float64)
    public = cells["stage"].isin(links.public_stages).to_numpy()
    few, dominated = _by_children(cells, n, rules, children)
    below = (n >= rules.smallest_hidden) & (n < rules.minimum_denominator)
    stages = {denominator for _, denominator in links.denominators} - set(links.public_stages)
    small_base = below & cells["stage"].isin(stages).to_numpy() | (
        over_small_public(cells, rules, links) & ~np.isnan(n)
    )
    found = np.select(
        [public, too_small(n, rules), small_base, few, dominated],
        ["", COUNT, DENOMINATOR, CHILDREN, DOMINANCE],
        default="",
    )
    return found.astype(object)


def _by_children(cells: pd.DataFrame, n: Floats, rules: Rules, children: pd.DataFrame | None) -> tuple[Flags, Flags]:
    """Whether too few children stand behind each count of events, and whether one of them has too many."""
    nothing = np.zeros(len(cells), dtype=np.bool_)
    if children is None or not (rules.minimum_children or rules.largest_share_percent < 100):
        return nothing, nothing
    keys = list(CELL_KEYS)
    behind = cells[keys].merge(children.drop_duplicates(keys), on=keys, how="left")
    amount, largest = (behind[name].to_numpy(dtype=np.float64) for name in ("children", "largest"))
    # a period that is not covered has children, and no count: a mark there would tell of them
    few = (amount > 0) & (amount < rules.minimum_children) & ~np.isnan(n)
    return few, 100.0 * largest > rules.largest_share_percent * n


def over_small_public(cells: pd.DataFrame, rules: Rules, links: Links) -> Flags:
    """Whether each cell is measured against a public count below `minimum_denominator`."""
    found = np.zeros(len(cells), dtype=np.bool_)
    pairs = [
        pair for pair in links.denominators if pair[1] in links.public_stages and pair[0] not in links.public_stages
    ]
    if not pairs or not rules.minimum_denominator:
        return found
    keys = pd.MultiIndex.from_frame(cells[list(CELL_KEYS[1:])])
    n = cells["n"].to_numpy(dtype=np.float64)
    stage = cells["stage"].to_numpy()
    for numerator, denominator in pairs:
        small = (stage == denominator) & (n > 0) & (n < rules.minimum_denominator)
        if small.any():
            found |= (stage == numerator) & keys.isin(keys[small])
    return found
