"""The gate that every release goes through: protection, an attack on all releases together, and no third way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yjd.disclosure.audit import SHOWN_EARLIER, audit
from yjd.disclosure.mending import totals_of
from yjd.disclosure.periods import overlapping
from yjd.disclosure.protect import protected
from yjd.disclosure.rules import Links, Rules
from yjd.errors import DisclosureError

if TYPE_CHECKING:
    import pandas as pd

_ATTEMPTS = 4  # to hide more where all releases together still give a count away


def guard(
    cells: pd.DataFrame,
    rules: Rules,
    links: Links,
    *,
    periods: pd.DataFrame | None = None,
    earlier: Sequence[pd.DataFrame] = (),
    children: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Hide what may not leave, and refuse to go on if an attack still finds any of it.

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`; every cell that will be published, in one table.
    rules : Rules
        The data owner's rules.
    links : Links
        How stages, periods and groups are tied to each other.
    periods : DataFrame, optional
        Columns period, start_day, end_day (the day after the last): those of this release and of all earlier ones.
    earlier : sequence of DataFrame
        What each earlier release of the project showed, the newest first: see `yjd.disclosure.published_cells`.
    children : DataFrame, optional
        Columns of `yjd.schema.CELL_KEYS`, children and largest: see `protect`.

    Returns
    -------
    DataFrame
        Released cells: see `protect`.

    Raises
    ------
    DisclosureError
        Nothing may be released: periods overlap, a count cannot be protected, or the attack finds one all the same.
    """
    import pandas as pd

    if periods is not None and (apart := overlapping(periods)):
        raise DisclosureError(
            f"The periods {apart[0][0]} and {apart[0][1]}, one of which an earlier release has, overlap, and what they "
            "share is not made up of published periods: what their difference tells cannot be protected.",
            "Add the years, quarters or months that they share to [periods].",
        )
    more: list[pd.DataFrame] = []
    for attempt in range(_ATTEMPTS):
        before = [*more, *earlier]
        released, alternatives = protected(
            cells, rules, links,
            earlier=pd.concat(before, ignore_index=True) if before else None, children=children,
        )  # fmt: skip
        found = audit([released, *earlier], rules, links, cells=cells, children=children, alternatives=alternatives)
        found = found[found["attack"] != SHOWN_EARLIER]  # nothing can take it back
        if found.empty or not earlier:
            break
        more.insert(0, totals_of(found, released, links, whole=attempt > 0))
    if len(found):
        raise DisclosureError(
            f"{len(found)} hidden cells could still be worked out from the shown ones, so nothing was released.",
            "Publish fewer splits, levels or periods, or raise minimum_count. Counts that came ready-made must add up "
            "to the totals that came with them.",
        )
    return released
