"""Sums over children made coarse, so that no interval tells how few children stand behind a count.

An interval is published in full, and the sum of squares can be worked out from it. That of 17 arrests being 19 says
that they were of 16 children, and a hidden count of children is found. So intervals rest on the design factor known
to within a band that leaves as many numbers of children possible as counts below `minimum_count`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from yjd.metrics.counts import CHILD_SUMS, STRATUM, Kind
from yjd.metrics.shared_children import SUMS as SHARED
from yjd.schema import ALL, HIDDEN, KNOWN, SPLITS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def coarse_sums(counts: pd.DataFrame, *, kind: Kind, minimum: int) -> pd.DataFrame:
    """Replace the sums over children by those of the design factor's band.

    Events divided by their design factor are as many independent ones. That number is known only to lie in a band
    2 x `minimum` wide, counted down from the events (the lowest band holds all that is left): a child with two events
    in the place of two children takes away some 2. Where the factor of all known children lies in the band it is taken,
    else the band's middle. Of a proportion, events or the rest count, whichever are fewer.

    Parameters
    ----------
    counts : DataFrame
        Of one measure, with the columns `CHILD_SUMS`. Not changed.
    kind : {"proportion", "rate"}
        As for the metrics.
    minimum : int
        The least count that is shown.

    Returns
    -------
    DataFrame
        The same with other sums, from which those factors follow.
    """
    import numpy as np

    names = ("numerator", "denominator", *CHILD_SUMS)
    a, base, squares, products, base_squares = (counts[name].to_numpy(np.float64, na_value=np.nan) for name in names)
    with np.errstate(all="ignore"):
        ratio = np.where(base > 0, a / base, 0.0)
        independent = a * (1 - ratio) if kind == "proportion" else a
        few = np.fmin(a, base - a) if kind == "proportion" else a  # of event and rest the rarer tells the most
        variance = squares - 2 * ratio * products + ratio**2 * base_squares
        wanted = _banded(counts, variance / independent, few, minimum) * independent
        squares = _banded(counts, squares / a, a, minimum) * a  # those of a share among the events
        brought = base_squares > 0  # children bring the base along
        base_squares = np.where(brought, _banded(counts, base_squares / base, base, minimum) * base, base_squares)
        # products are what makes the variance the one wanted, as far as sums of products can
        fitting = np.clip(
            (squares + ratio**2 * base_squares - wanted) / (2 * ratio), 0, np.sqrt(squares * base_squares)
        )
        products = np.where(brought & (ratio > 0), fitting, 0.0)
        squares = np.where(brought, squares, wanted)
    sums = zip(CHILD_SUMS, (squares, products, base_squares), strict=True)
    known = counts[list(CHILD_SUMS)].notna().all(axis=1).to_numpy(dtype=bool)
    return counts.assign(**{name: np.where(known, part, np.nan) for name, part in sums})


def coarse_shared(shared: pd.DataFrame, *, minimum: int) -> pd.DataFrame:
    """Round the sums over children in two periods down to multiples of the least count that is shown.

    Of stages that count each child once the sum is a number of children: those arrested in both years. Rounded down,
    intervals of a change come out a little too wide.
    """
    step = max(minimum, 1)
    return shared.assign(**{name: (shared[name].astype("float64") / step + 1e-9) // 1 * step for name in SHARED})


def open_shared(
    shared: pd.DataFrame,
    cells: pd.DataFrame,
    stages: Mapping[str, Collection[str]],
    spans: Mapping[str, tuple[float, float]],
) -> pd.DataFrame:
    """Blank the sums over children in two periods where they would narrow a hidden count of a third.

    Where a longer period is published that holds all three, its children are at most those of the two, less those in
    both, and those of the third. The change is then computed as if no child were in both, and its interval is too wide.

    Parameters
    ----------
    shared : DataFrame
        measure, from_period, period, `yjd.schema.SPLITS`, level, group and the sums.
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`, after disclosure control.
    stages : mapping of str to collection of str
        Measure to its stages that count each child once.
    spans : mapping of str to (float, float)
        Period to its first day and the day after its last.
    """
    import pandas as pd

    keys = [*SPLITS, "level", "group"]
    hidden = cells.loc[cells["disclosure"].isin(HIDDEN), ["stage", "period", *keys]].astype("str")
    pairs = ["measure", "from_period", "period"]
    closed = []
    for measure, first, second in shared[pairs].drop_duplicates().itertuples(index=False, name=None):
        third = hidden["period"].isin(_beside((str(first), str(second)), spans))
        own = hidden.loc[third & hidden["stage"].isin(list(stages.get(str(measure), ()))), keys].drop_duplicates()
        closed.append(own.assign(measure=measure, from_period=first, period=second))
    # those without a row have nobody in both, which says as much
    gone = pd.concat(closed, ignore_index=True) if closed else shared[[*pairs, *keys]][:0]
    every = [*pairs, *keys]
    kept = ~pd.MultiIndex.from_frame(shared[every].astype("str")).isin(
        pd.MultiIndex.from_frame(gone[every].astype("str"))
    )
    return pd.concat([shared[kept], gone.assign(**dict.fromkeys(SHARED, float("nan")))], ignore_index=True)


def _beside(pair: tuple[str, str], spans: Mapping[str, tuple[float, float]]) -> set[str]:
    """Periods that lie with both of a pair in some longer one."""
    if not set(pair) <= set(spans):
        return set(spans)

    def inside(whole: tuple[float, float]) -> set[str]:
        return {name for name, (start, end) in spans.items() if whole[0] <= start and end <= whole[1]}

    held = [inside(whole) for whole in spans.values()]
    return {name for names in held if set(pair) <= names for name in names} - set(pair)


def _banded(counts: pd.DataFrame, factor: np.ndarray, events: np.ndarray, minimum: int) -> np.ndarray:
    """Design factors, 1 at least, each as far as its band tells; 1 where there is none."""
    import numpy as np

    with np.errstate(all="ignore"):
        width = 2.0 * max(minimum, 1)
        exact = np.where(np.isfinite(factor), np.fmax(factor, 1.0), 1.0)
        # the lowest band has no end above 0: one at 4 would tell that at least 5 children stand behind the events
        last = np.fmax(np.floor((events - minimum) / width + 1e-9), 0.0)
        place = np.fmin(np.floor((events - events / exact) / width + 1e-9), last)
        top = events - place * width
        middle = np.where(events > 0, events / np.fmax(top - width / 2, top / 2), 1.0)
        pooled = _of_known(counts, middle)
        within = np.minimum(np.floor((events - events / pooled) / width + 1e-9), last) == place
    return np.where(within, pooled, middle)


def _of_known(counts: pd.DataFrame, factor: np.ndarray) -> np.ndarray:
    """For every row the factor of all known children in its stratum; its own where it is they, or everybody."""
    import numpy as np

    keys = [name for name in STRATUM if name in counts.columns]
    known = (counts["group"] == KNOWN).to_numpy(dtype=bool)
    strata = counts[keys].assign(one=0)  # a frame of one stratum need not have any key
    found = strata[known].assign(factor=factor[known])
    pooled = strata.merge(found, on=["one", *keys], how="left", validate="many_to_one")["factor"].to_numpy(np.float64)
    return np.asarray(np.where(counts["group"].isin([KNOWN, ALL]), factor, pooled))
