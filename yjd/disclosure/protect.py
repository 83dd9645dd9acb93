"""Cells in, cells out with every count that may not be shown hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.aims import Aims, chance
from yjd.disclosure.columns import Flags, Floats, Ints
from yjd.disclosure.hiding import LATER_SHARE, Hiding
from yjd.disclosure.primary import reasons, too_small
from yjd.disclosure.rounding import consistent_rounding
from yjd.disclosure.rules import Links, Rules
from yjd.disclosure.starting import started
from yjd.disclosure.system import System, build_system
from yjd.errors import DisclosureError
from yjd.schema import ALL, CELL_COLUMNS, CELL_KEYS, HIDDEN, KNOWN, SPLITS, UNKNOWN

#: What a cell split by none, one, two, three or four of the dimensions is worth.
SPLIT_COSTS = (300.0, 10.0, 1.0, 0.5, 0.25)
ROLLING_COST = 0.5
DERIVED, PROTECTS = "derived", "protects"


@dataclass(frozen=True)
class Block:
    """Counts that hang together: some periods, of this release and of earlier ones.

    Attributes
    ----------
    keys : DataFrame
        Columns of `yjd.schema.CELL_KEYS`.
    n, cost : arrays (counts,)
        True counts, and what hiding each loses.
    own : array (counts,)
        Why each is hidden for its own sake; '' where it is not.
    public, seen, earlier, kept : arrays (counts,)
        Whether it is published elsewhere, whether an earlier release showed it, whether only an earlier has it, and
        whether the newest of the earlier ones that have it hides it.
    """

    keys: pd.DataFrame
    n: Floats
    cost: Floats
    own: NDArray[np.object_]
    public: Flags
    seen: Flags
    earlier: Flags
    kept: Flags


def protect(
    cells: pd.DataFrame,
    rules: Rules,
    links: Links,
    *,
    earlier: pd.DataFrame | None = None,
    children: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Hide every count that may not be shown, and as few more as it takes to keep it from being worked out.

    For every hidden count that is sensitive at least `Rules.interval_width` different whole numbers stay possible to
    someone who knows all releases and everything that adds up, and so for every such count that nobody prints and
    anybody could work out (see `yjd.disclosure.relations`).

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`; every cell that will be published, in one table. Not changed.
    rules : Rules
        The data owner's rules.
    links : Links
        How stages, periods and groups are tied to each other.
    earlier : DataFrame, optional
        Columns of `yjd.schema.CELL_KEYS`, and n: every cell that an earlier release showed, or printed as hidden (n
        NaN), those of the newest release first; it may have keys that `cells` has not. What was shown cannot be hidden
        any more, and is of no help. What was hidden stays hidden: it may protect a count of a period that is no
        longer published, and nobody could tell any more how well.
    children : DataFrame, optional
        Columns of `yjd.schema.CELL_KEYS`, children (distinct children behind a count of events) and largest (most
        events of one child).

    Returns
    -------
    DataFrame
        The same rows in the same order, and ``reason``: why a cell is hidden, '' where it is not. A hidden cell has `n`
        NaN (never 0) and `disclosure` ``hidden``; a rounded one ``rounded``. `attrs` say what it costs:
        hidden_for_own_sake, hidden_for_others, share_of_counts_shown (of the sum of all counts that are not public),
        and known_from_earlier_releases (sensitive counts that earlier releases have given away).

    Raises
    ------
    DisclosureError
        When a count cannot be protected, or the table cannot be understood. Nothing is released then.
    """
    _check(cells)
    own = reasons(cells, rules, links, children)
    if rules.method == "round":  # nothing is hidden: not to know the count to within its rounding is the protection
        released = cells.assign(reason="", n=cells["n"].astype(np.float64))
        return consistent_rounding(released, cells, rules, links)
    why = own.copy()
    hidden = np.zeros(len(cells), dtype=np.bool_)
    lost = 0
    for rows, block in _blocks(cells, own, earlier, links):
        chosen, derived, gone = _hide(block, rules, links)
        inside = rows < len(cells)
        hidden[rows[inside]] = chosen[inside]
        why[rows[inside & derived & (block.own == "")]] = DERIVED
        lost += gone
    why = np.where(hidden, np.where(why == "", PROTECTS, why), "")
    released = cells.assign(reason=why)
    released["n"] = released["n"].astype(np.float64).mask(hidden)
    released["disclosure"] = np.where(hidden, HIDDEN[0], released["disclosure"])
    released.attrs |= {"known_from_earlier_releases": lost} | _cost_of(cells, hidden, own, links)
    return consistent_rounding(released, cells, rules, links) if rules.round_to else released


def _check(cells: pd.DataFrame) -> None:
    """Refuse a table that cannot be understood."""
    if missing := [column for column in CELL_COLUMNS if column not in cells.columns]:
        raise DisclosureError(
            f"The table of cells lacks the columns {', '.join(missing)}.", "Build it with yjd's own cells step."
        )
    if twice := int(cells.duplicated(list(CELL_KEYS)).sum()):
        raise DisclosureError(
            f"{twice} cells occur more than once in the table of cells.",
            f"Count each combination of {', '.join(CELL_KEYS[:-1])} and {CELL_KEYS[-1]} once.",
        )
    if below := int((cells["n"] < 0).sum()):
        raise DisclosureError(f"{below} counts are negative.", "Mend the extract: a count of children is 0 or more.")
    if (cells["disclosure"] != "shown").any():
        raise DisclosureError("The cells were protected before.", "Protect counts, not what was released of them.")


def _blocks(
    cells: pd.DataFrame, own: NDArray[np.object_], earlier: pd.DataFrame | None, links: Links
) -> Iterator[tuple[Ints, Block]]:
    """Yield the row numbers and counts of periods that hang together; rows beyond the table are of earlier releases."""
    keys = list(CELL_KEYS)
    frame = (
        cells[keys].astype(str).assign(n=cells["n"].astype(np.float64), own=own, seen=False, earlier=False, kept=False)
    )
    if earlier is not None and len(earlier):
        before = earlier[keys].astype(str).assign(n=earlier["n"].to_numpy(dtype=np.float64))
        # A count that was shown otherwise has been revised since: what it is now, nobody has seen.
        frame["seen"] = _among(frame, before[before["n"].notna()], [*keys, "n"])
        newest = before.drop_duplicates(keys)
        frame["kept"] = _among(frame, newest[newest["n"].isna()], keys)
        before = before.groupby(keys, sort=True)["n"].first().reset_index()  # a number, where any release has one
        further = before[~_among(before, frame, keys)].assign(own="", earlier=True, kept=False)
        frame = pd.concat([frame, further.assign(seen=further["n"].notna())], ignore_index=True)
    frame["cost"] = _costs(frame, links)
    labels = _linked(frame["period"], links)
    for _, rows in pd.Series(np.arange(len(frame))).groupby(labels):
        part = frame.iloc[rows.to_numpy()]
        yield (
            rows.to_numpy(),
            Block(
                keys=part[keys],
                n=part["n"].to_numpy(),
                cost=part["cost"].to_numpy(),
                own=part["own"].to_numpy(dtype=object),
                public=part["stage"].isin(links.public_stages).to_numpy(),
                seen=part["seen"].to_numpy(dtype=np.bool_),
                earlier=part["earlier"].to_numpy(dtype=np.bool_),
                kept=part["kept"].to_numpy(dtype=np.bool_),
            ),
        )


def _among(frame: pd.DataFrame, others: pd.DataFrame, columns: Sequence[str]) -> Flags:
    """Whether each row stands among the others, as far as these columns tell."""
    asked, there = (pd.MultiIndex.from_frame(one[list(columns)]) for one in (frame, others))
    found: Flags = asked.isin(there)
    return found


def _linked(period: pd.Series[str], links: Links) -> NDArray[np.object_]:
    """Return a label for each row: the first of the periods that its own hangs together with."""
    head = {name: name for name in period.unique()}
    for whole, inside in links.related_periods.items():
        together = {head[name] for name in (whole, *inside) if name in head}
        for name, label in head.items():
            if label in together:
                head[name] = min(together)
    return period.map(head).to_numpy(dtype=object)


def _hide(block: Block, rules: Rules, links: Links) -> tuple[Flags, Flags, int]:
    """Decide which counts are hidden, which of them for what could be derived, and how many sensitive ones are known.

    Raises
    ------
    DisclosureError
        When a count cannot be protected by hiding anything.
    """
    unknown = block.earlier & np.isnan(block.n)
    small = partial(too_small, rules=rules)
    system = build_system(block.keys, block.n, unknown, links, small)
    if unknown.any():  # what only an earlier release hid is protected where it could now be worked out
        system = build_system(block.keys, _worked_out(system)[system.place], unknown, links, small)
    size = system.n.size
    own, public, seen, kept = (
        _any_of(flags, system) for flags in (block.own != "", block.public, block.seen, block.kept)
    )
    worked_out = _any_of(unknown, system) & small(system.n)
    own |= worked_out
    cost = np.zeros(size)
    np.maximum.at(cost, system.place, block.cost)
    cost *= 1.0 + 0.01 * chance(np.arange(size), 0)  # no ties
    fixed = public | seen | ~system.usable
    free = (own | kept | _any_of(unknown, system)) & ~fixed
    sensitive = np.flatnonzero(own & ~fixed)
    aims = _aims(system, sensitive, worked_out | _any_of(block.own == "count", system), rules)
    system = started(system)
    every = ~fixed
    likely = every & (~too_zero(system.n, rules))
    hidden, left = _search(system, aims, cost, free, likely, every)
    # What no move opens, though everything but what is known already could move, was given away before.
    if left.size and not seen.any():
        raise DisclosureError(
            f"{left.size} hidden counts can be worked out from the counts around them, and hiding more does not "
            "help: nothing is released.",
            "Publish fewer splits, or merge the smallest areas, groups or age bands.",
        )
    hidden = (hidden & ~fixed) | own | kept
    derived = np.zeros(size, dtype=np.bool_)
    alone = system.derived[np.flatnonzero(abs(system.derived) @ own.astype(np.float64) == 0)]
    derived[sparse.csr_array(alone).indices] = True
    return hidden[system.place] & ~block.earlier, (hidden & derived)[system.place], int(left.size)


def _worked_out(system: System) -> Floats:
    """Counts, with those filled in that one relation after another gives back from all true ones."""
    n = system.n.copy()
    matrix = system.equal
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    while True:
        missing = np.isnan(n)[matrix.indices]
        alone = missing & (np.bincount(row, weights=missing, minlength=matrix.shape[0])[row] == 1)
        if not alone.any():
            return n
        others = np.bincount(row, weights=np.where(missing, 0.0, n[matrix.indices] * matrix.data))
        found = -others[row[alone]] / matrix.data[alone]
        n[matrix.indices[alone]] = np.maximum(found, 0.0)


def too_zero(n: Floats, rules: Rules) -> Flags:
    """Whether hiding a count is a last resort: a 0 that may be shown."""
    zero: Flags = (n == 0) & rules.zero_safe
    return zero


def _search(system: System, aims: Aims, cost: Floats, free: Flags, likely: Flags, every: Flags) -> tuple[Flags, Ints]:
    """Hide until every aim is open; return what is hidden, and the aims that nothing opens."""
    first = Hiding(system, cost, free)
    left = first.open(aims, likely)
    if left.size:
        left = first.open(aims, every)
    # Once more from the start, among what was hidden: what is no longer needed is shown again.
    again = Hiding(system, cost, free, LATER_SHARE)
    aims.forget()
    left = again.open(aims, first.hidden)
    if left.size:
        left = again.open(aims, every)
    return again.hidden, left


def _any_of(flags: Flags, system: System) -> Flags:
    """Flags of columns from flags of the rows that stand for them."""
    found = np.zeros(system.n.size, dtype=np.bool_)
    found[system.place[flags]] = True
    return found


def _aims(system: System, sensitive: Ints, by_count: Flags, rules: Rules) -> Aims:
    """Say which counts must stay open, and within which limits a move is of use."""
    n = np.concatenate([system.n[sensitive], system.derived_n])
    small = np.concatenate([by_count[sensitive], np.ones(system.derived_n.size, dtype=np.bool_)])
    own = sparse.csr_array(
        (np.ones(sensitive.size), (np.arange(sensitive.size), sensitive)), shape=(sensitive.size, system.n.size)
    )
    return Aims(
        matrix=sparse.csr_array(sparse.vstack([own, system.derived])),
        above=np.where(small, rules.minimum_count - 1 - n, np.inf),
        below=np.where(small, n - rules.smallest_hidden, n),
        width=rules.interval_width,
    )


def _costs(cells: pd.DataFrame, links: Links) -> Floats:
    """Return what hiding each cell loses: more for what most people read (the region, every child)."""
    n = cells["n"].fillna(0.0).to_numpy(dtype=np.float64)
    weight = cells["group"].map({ALL: 20.0, KNOWN: 10.0, UNKNOWN: 0.5}).fillna(1.0).to_numpy(dtype=np.float64)
    weight = weight * np.where(cells["level"] == "broad", 2.0, 1.0)
    splits = sum((cells[column] != ALL).to_numpy(dtype=np.int64) for column in SPLITS)
    weight = weight * np.choose(splits, SPLIT_COSTS)
    # Otherwise one year that is hidden hides another, and that one its own groups: the sum of the years gives way.
    weight = weight * np.where(cells["period"].isin(list(links.related_periods)), ROLLING_COST, 1.0)
    cost: Floats = np.sqrt(1.0 + n) * weight
    return cost


def _cost_of(cells: pd.DataFrame, hidden: Flags, own: NDArray[np.object_], links: Links) -> dict[str, int | float]:
    """Say what protection costs: cells hidden for their own sake and for others, and how much is shown."""
    counted = ~cells["stage"].isin(links.public_stages).to_numpy() & cells["n"].notna().to_numpy()
    n = cells["n"].to_numpy(dtype=np.float64)
    every = float(n[counted].sum())
    return {
        "hidden_for_own_sake": int((hidden & (own != "")).sum()),
        "hidden_for_others": int((hidden & (own == "")).sum()),
        "share_of_counts_shown": round(float(n[counted & ~hidden].sum()) / every, 4) if every else 1.0,
    }
