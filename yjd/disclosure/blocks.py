"""Counts that hang together: of this release and of earlier ones, some periods at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.disclosure.columns import Flags, Floats, Ints
from yjd.disclosure.rules import Links
from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS, UNKNOWN

#: What a cell split by none, one, two, three or four of the dimensions is worth.
SPLIT_COSTS = (300.0, 10.0, 1.0, 0.5, 0.25)
ROLLING_COST = 0.5


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


def rows_of_all(
    cells: pd.DataFrame, own: NDArray[np.object_], earlier: pd.DataFrame | None, links: Links
) -> pd.DataFrame:
    """Return a row for each cell, and further ones for those of earlier releases that this one has not.

    Columns: `yjd.schema.CELL_KEYS` and those of `Block`.
    """
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
    return frame.assign(cost=_costs(frame, links), public=frame["stage"].isin(links.public_stages))


def blocks(frame: pd.DataFrame, links: Links) -> Iterator[tuple[Ints, Block]]:
    """Yield the row numbers and counts of periods that hang together."""
    labels = frame["period"].map(links.together(frame["period"].unique().tolist()))
    for _, rows in pd.Series(np.arange(len(frame))).groupby(labels):
        part = frame.iloc[rows.to_numpy()]
        yield (
            rows.to_numpy(),
            Block(
                keys=part[list(CELL_KEYS)],
                n=part["n"].to_numpy(),
                cost=part["cost"].to_numpy(),
                own=part["own"].to_numpy(dtype=object),
                public=part["public"].to_numpy(dtype=np.bool_),
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
