"""Which cells must be hidden for their own sake."""

from __future__ import annotations

import numpy as np
import pandas as pd

from yjd.disclosure.relations import Flags, Floats
from yjd.disclosure.rules import Links, Rules
from yjd.schema import CELL_KEYS


def too_small(n: Floats, rules: Rules) -> Flags:
    """Whether each count may not be shown. NaN may: there is nothing to show."""
    small = (n > 0) & (n < rules.minimum_count)
    return small if rules.zero_safe else small | (n == 0)


def primary(cells: pd.DataFrame, rules: Rules, links: Links) -> Flags:
    """Whether each cell is hidden for its own sake: its count is small, or a denominator is.

    A denominator below `minimum_denominator` is hidden itself. Where it is public (population), hiding it
    would hide nothing, and the counts measured against it are hidden instead. Either way every row that would
    use the pair is blank, and so is every other row from which the pair could be put together again.
    """
    n = cells["n"].to_numpy(dtype=np.float64, copy=True)
    # A rounded count was judged before it was rounded.
    n[(cells["disclosure"] == "rounded").to_numpy()] = np.nan
    public = cells["stage"].isin(links.public_stages).to_numpy()
    hidden: Flags = too_small(n, rules)
    below = (n > 0) & (n < rules.minimum_denominator)
    below |= (n == 0) & (not rules.zero_safe) & (rules.minimum_denominator > 0)
    stages = {denominator for _, denominator in links.denominators} - set(links.public_stages)
    hidden |= below & cells["stage"].isin(stages).to_numpy()
    hidden |= over_small_public(cells, rules, links) & ~np.isnan(n)
    hidden &= ~public
    return hidden


def over_small_public(cells: pd.DataFrame, rules: Rules, links: Links) -> Flags:
    """Whether each cell is measured against a public count below `minimum_denominator`."""
    found = np.zeros(len(cells), dtype=np.bool_)
    keys = pd.MultiIndex.from_frame(cells[list(CELL_KEYS[1:])])
    n = cells["n"].to_numpy(dtype=np.float64)
    stage = cells["stage"].to_numpy()
    for numerator, denominator in links.denominators:
        if denominator in links.public_stages and numerator not in links.public_stages:
            small = (stage == denominator) & (n > 0) & (n < rules.minimum_denominator)
            if small.any():
                found |= (stage == numerator) & keys.isin(keys[small])
    return found
