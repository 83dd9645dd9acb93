"""Ways of protecting a table that are in use and that do not hold: what an attack must get through."""

from __future__ import annotations

import numpy as np
import pandas as pd

from yjd.disclosure import Links, Rules
from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS


def threshold_only(cells: pd.DataFrame, rules: Rules, links: Links) -> pd.DataFrame:
    """Hide every small count and nothing else."""
    small = cells["n"].between(rules.smallest_hidden, rules.minimum_count - 1)
    return hide(cells, small & ~cells["stage"].isin(links.public_stages))


def one_more_per_line(cells: pd.DataFrame, rules: Rules, links: Links) -> pd.DataFrame:
    """Hide every small count; then, in each row and column with a single hidden count, the smallest other one.

    Repeated until no row or column has a single one.
    """
    released = threshold_only(cells, rules, links)
    hidden = released["n"].isna().to_numpy(copy=True)
    lines = list(_lines(cells[~cells["stage"].isin(links.public_stages)]))
    n = cells["n"].to_numpy(dtype=float)
    changed = True
    while changed:
        changed = False
        for line in lines:
            if hidden[line].sum() == 1:
                others = line[~hidden[line] & (n[line] > 0)]
                if len(others):
                    hidden[others[np.argmin(n[others])]] = True
                    changed = True
    return hide(cells, pd.Series(hidden, index=cells.index))


def hide(cells: pd.DataFrame, hidden: pd.Series) -> pd.DataFrame:
    """Blank the chosen counts."""
    return cells.assign(n=cells["n"].mask(hidden), disclosure=np.where(hidden, "hidden", "shown"))


def _lines(cells: pd.DataFrame):
    """Positions of the cells of each row or column: what a total is the sum of."""
    place = pd.Series(np.arange(len(cells)), index=cells.index)
    for axis in (*SPLITS, "group"):
        parts = cells[~cells[axis].isin([ALL, KNOWN])]
        others = [name for name in CELL_KEYS if name != axis]
        for _, line in parts.groupby(others, sort=False):
            if len(line) > 1:
                yield place[line.index].to_numpy()
