"""Counts rounded so that they still add up: rounded parts make their rounded totals, in every table at once.

Within a stage and period every count is rounded to the multiple below or above it, chosen by whole-number programming
so that all totals hold (controlled rounding: Cox 1987, JASA 82:520-524). What is the sum of other stages, or of other
periods, is the sum of their rounded counts. A hidden count takes part, so that totals hold about it too, and stays
hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from yjd.disclosure.columns import Flags, Floats, Ints
from yjd.disclosure.rules import Links, Rules
from yjd.disclosure.system import build_system
from yjd.errors import DisclosureError
from yjd.schema import CELL_KEYS, HIDDEN

if TYPE_CHECKING:
    import pandas as pd

#: Limits of the search, in its own steps: a limit in seconds would give other counts on another machine.
MOST_NODES, NEAR_ENOUGH = 2000, 0.05
#: What it counts for that a hidden count is near its rounded one.
HIDDEN_MATTERS = 0.1


def consistent_rounding(released: pd.DataFrame, cells: pd.DataFrame, rules: Rules, links: Links) -> pd.DataFrame:
    """Round every count that is shown and not public.

    Parameters
    ----------
    released : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`, after hiding.
    cells : DataFrame
        The true counts, in the same rows.
    rules, links
        See `yjd.disclosure.protect`.

    Returns
    -------
    DataFrame
        `released` with rounded counts, marked ``rounded``. A count of a sum is off by less than `round_to` for each of
        its parts, any other by less than `round_to`.

    Raises
    ------
    DisclosureError
        When no rounding adds up.
    """
    import pandas as pd

    n = cells["n"].to_numpy(dtype=np.float64)
    own = ~cells["stage"].isin(links.public_stages).to_numpy() & ~np.isnan(n)
    hidden = released["disclosure"].isin(HIDDEN).to_numpy()
    alone = replace(links, subsets={}, parts=[], related_periods={})
    keys = pd.MultiIndex.from_frame(cells[list(CELL_KEYS)].astype(str))
    units = np.full(len(cells), np.nan)
    blocks = {name: np.flatnonzero(own)[rows] for name, rows in _blocks(cells[own]).items()}
    sums = dict(_sums(cells[own], links))
    for name, place in blocks.items():
        if name not in sums:
            units[place] = _rounded(cells.iloc[place][list(CELL_KEYS)], n[place], hidden[place], rules, alone)
    for name, parts in _in_order(sums):
        place = blocks[name]
        further = keys[place].to_frame(index=False)
        found = np.zeros(place.size)
        for stage, period in parts:
            where = keys.get_indexer(pd.MultiIndex.from_frame(further.assign(stage=stage, period=period)))
            found += np.where(where >= 0, units[where], np.nan)
        units[place] = found
    shown = own & ~hidden
    result = released.copy()
    # A sum of which some part has no count of its own is rounded by itself.
    by_itself = np.floor(n / rules.round_to + 0.5)
    rounded = np.where(np.isnan(units), by_itself, units) * rules.round_to
    result["n"] = np.where(shown, rounded, result["n"].to_numpy(dtype=np.float64))
    result["disclosure"] = result["disclosure"].mask(shown, "rounded")
    return result


def _blocks(cells: pd.DataFrame) -> dict[tuple[str, str], Ints]:
    """Rows of each stage and period, which are rounded at once."""
    number = cells.groupby(["stage", "period"], sort=False).ngroup().to_numpy()
    first = np.unique(number, return_index=True)[1]
    names = zip(cells["stage"].iloc[first], cells["period"].iloc[first], strict=True)
    return {name: np.flatnonzero(number == place) for place, name in enumerate(names)}


def _sums(cells: pd.DataFrame, links: Links) -> Iterator[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Yield (stage, period) that are sums, and of what: of other periods first, else of other stages."""
    there = set(zip(cells["stage"], cells["period"], strict=True))
    parts = dict(links.parts)
    for stage, period in sorted(there):
        within = [(stage, single) for single in links.related_periods.get(period, ())]
        stages = [(part, period) for part in parts.get(stage, ())]
        if stage in links.periods_add_up and within and there.issuperset(within):
            yield (stage, period), within
        elif stages and there.issuperset(stages):
            yield (stage, period), stages


def _in_order(
    sums: dict[tuple[str, str], list[tuple[str, str]]],
) -> Iterator[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Yield sums after those that they are made of."""
    waiting = dict(sums)
    while waiting:
        ready = [name for name, parts in waiting.items() if not waiting.keys() & set(parts)]
        for name in ready:
            yield name, waiting.pop(name)


def _rounded(keys: pd.DataFrame, n: Floats, hidden: Flags, rules: Rules, links: Links) -> Floats:
    """Round the counts of one stage and period; return multiples of the base."""
    system = build_system(keys, n, np.zeros(n.size, dtype=np.bool_), links, lambda count: np.zeros(count.size, bool))
    x = system.n / rules.round_to
    free = np.ones(x.size, dtype=np.bool_)
    free[system.place[~hidden]] = False
    holds = np.abs(system.equal @ system.n) < 0.5
    relations = sparse.csr_array(system.equal[np.flatnonzero(holds)])
    if not relations.shape[0]:
        return np.floor(x + 0.5)[system.place]
    for beyond in (0, 1, 2):
        found = _nearest(x, free, relations, beyond)
        if found is not None:
            return found[system.place]
    raise DisclosureError(
        "The counts of a stage cannot be rounded so that they still add up: nothing is released.",
        'Publish fewer splits, or use the method "hide".',
    )


def _nearest(x: Floats, free: Flags, relations: sparse.csr_array, beyond: int) -> Floats | None:
    """Whole numbers nearest to `x` that keep the relations, within so many of the one below and the one above."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    size = x.size
    low, high = np.maximum(np.floor(x + 1e-9) - beyond, 0.0), np.ceil(x - 1e-9) + beyond
    one = sparse.identity(size, format="csr")
    # |whole number - x| is as much as the second half of the unknowns at least
    constraints = [
        LinearConstraint(sparse.hstack([relations, sparse.csr_array(relations.shape)], format="csr"), 0, 0),
        LinearConstraint(sparse.hstack([one, -one], format="csr"), -np.inf, x),
        LinearConstraint(sparse.hstack([one, one], format="csr"), x, np.inf),
    ]
    found = milp(
        np.concatenate([np.zeros(size), np.where(free, HIDDEN_MATTERS, 1.0)]),
        constraints=constraints,
        bounds=Bounds(np.concatenate([low, np.zeros(size)]), np.concatenate([high, np.full(size, np.inf)])),
        integrality=np.repeat([1, 0], size),
        options={"node_limit": MOST_NODES, "mip_rel_gap": NEAR_ENOUGH},
    )
    return None if found.x is None else np.round(found.x[:size])
