"""Cells in, cells out with every count that may not be shown hidden."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.alternatives import Alternatives
from yjd.disclosure.blocks import blocks, rows_of_all
from yjd.disclosure.choose import Chosen, choose
from yjd.disclosure.columns import Flags, Ints
from yjd.disclosure.primary import reasons
from yjd.disclosure.rounding import consistent_rounding
from yjd.disclosure.rules import Links, Rules
from yjd.errors import DisclosureError
from yjd.parallel import in_parallel
from yjd.schema import CELL_COLUMNS, CELL_KEYS, HIDDEN

DERIVED, PROTECTS = "derived", "protects"


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
    return protected(cells, rules, links, earlier=earlier, children=children)[0]


def protected(
    cells: pd.DataFrame,
    rules: Rules,
    links: Links,
    *,
    earlier: pd.DataFrame | None = None,
    children: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, Alternatives | None]:
    """Protect, and return with the cells what shows that they are: other tables that agree with them.

    Parameters, returned cells and errors as of `protect`; None in place of tables where nothing is hidden.
    """
    _check(cells)
    own = reasons(cells, rules, links, children)
    if rules.method == "round":  # nothing is hidden: not to know the count to within its rounding is the protection
        released = cells.assign(reason="", n=cells["n"].astype(np.float64))
        return consistent_rounding(released, cells, rules, links), None
    why = own.copy()
    hidden = np.zeros(len(cells), dtype=np.bool_)
    frame = rows_of_all(cells, own, earlier, links)
    pieces = list(blocks(frame, links))
    every = in_parallel(partial(choose, rules=rules, links=links), [block for _, block in pieces], len(frame))
    for (rows, block), chosen in zip(pieces, every, strict=True):
        inside = rows < len(cells)
        hidden[rows[inside]] = chosen.hidden[inside]
        why[rows[inside & chosen.derived & (block.own == "")]] = DERIVED
    why = np.where(hidden, np.where(why == "", PROTECTS, why), "")
    released = cells.assign(reason=why)
    released["n"] = released["n"].astype(np.float64).mask(hidden)
    released["disclosure"] = np.where(hidden, HIDDEN[0], released["disclosure"])
    released.attrs |= {"known_from_earlier_releases": sum(chosen.lost for chosen in every)} | _cost_of(
        cells, hidden, own, links
    )
    tables = _tables(frame, [rows for rows, _ in pieces], every) if pieces else None
    return (consistent_rounding(released, cells, rules, links) if rules.round_to else released), tables


def _tables(frame: pd.DataFrame, rows: Sequence[Ints], every: Sequence[Chosen]) -> Alternatives:
    """Put what was found of each block into the order of all rows."""
    order = np.argsort(np.concatenate(rows))
    moves = sparse.csr_array(sparse.block_diag([chosen.moves for chosen in every], format="csr"))
    return Alternatives(frame[list(CELL_KEYS)], np.concatenate([chosen.base for chosen in every])[order], moves[order])


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
