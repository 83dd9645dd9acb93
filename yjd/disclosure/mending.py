"""What is hidden besides where an attack with all releases finds what protection could not foresee.

Protection knows today's counts and what was shown of them. It does not know what data looked like that were revised
since: a year less its quarters, as an old release has them, can give the sum of two that are still as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yjd.disclosure.rules import Links
from yjd.schema import ALL, CELL_KEYS, HIDDEN, KNOWN

if TYPE_CHECKING:
    import pandas as pd


def totals_of(found: pd.DataFrame, released: pd.DataFrame, links: Links, *, whole: bool = False) -> pd.DataFrame:
    """The cells of a release that hold what an attack found: of longer periods, the whole stage, all areas, all groups.

    Parameters
    ----------
    found : DataFrame
        From `yjd.disclosure.audit`.
    released : DataFrame
        Cells after protection.
    links : Links
        How stages and periods are tied to each other.
    whole : bool
        Whether all cells of these stages and periods are asked for, whatever their area and group: the last resort.

    Returns
    -------
    DataFrame
        `CELL_KEYS`, n (blank) and disclosure (hidden), as of an earlier release that hid them.
    """
    import pandas as pd

    held = {"period": [(part, whole) for whole, parts in links.related_periods.items() for part in parts if part],
            "stage": list(links.subsets.items()),
            "area": [(area, ALL) for area in found["area"].unique()],
            "group": [(group, whole) for group in found["group"].unique() for whole in (KNOWN, ALL)]}  # fmt: skip
    keys = list(CELL_KEYS)
    asked = found[keys]
    for name, pairs in held.items():
        table = pd.DataFrame(pairs, columns=[name, "whole"], dtype="str")
        up = asked.merge(table, on=name)
        up = up.assign(**{name: up["whole"]})[keys]
        asked = pd.concat([asked, up], ignore_index=True).drop_duplicates()
    if whole:
        keys = ["stage", "period"]
        asked = asked[keys].drop_duplicates()
    there = released.loc[~released["stage"].isin(links.public_stages), list(CELL_KEYS)].merge(asked, on=keys)
    return there.assign(n=float("nan"), disclosure=HIDDEN[0])
