"""Children who count in two periods: their sums, and how alike they make the two rates.

A child counts y1 and y2 in the two periods, of x1 and x2 of the base. The covariance of the two numerators about
their rates r1 and r2, children independent, is the sum of (y1 - r1 x1) (y2 - r2 x2): the covariance in a regression
with robust variances and children as clusters (Liang and Zeger 1986, Biometrika 73:13-22), without a small-sample
factor. Divided by the two numerators it is the covariance of the logs of the rates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import NOT_GROUPS, Kind, Side
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.schema import ALL, SPLITS

SUMS = ("yy", "yx", "xy", "xx")
_PAIR = ["measure", "from_period", "period"]
_KEYS = [*_PAIR, *SPLITS, "level", "group"]


def shared_sums(shared: pd.DataFrame | None, frame: pd.DataFrame, earlier: StrArray, kind: Kind) -> FloatArray:
    """For every row, the sums over children who are in both periods; NaN where they are not known.

    Parameters
    ----------
    shared : DataFrame or None
        As `yjd.metrics.change` takes it.
    frame : DataFrame
        Prepared rows of the later period, shape (rows, ...).
    earlier : array of str, shape (rows,)
        Name of the earlier period of each.
    kind : {"proportion", "rate"}
        Without yx, xy and xx the sums of a proportion are not known, and those of a rate have a base that no child
        brings along.

    Returns
    -------
    array, shape (rows, 4)
        yy, yx, xy and xx.
    """
    if shared is None:
        return np.full((len(frame), len(SUMS)), np.nan)
    missing = [name for name in ("group", "from_period", "period", "yy") if name not in shared.columns]
    if missing:
        raise EstimationError(
            f"The sums over shared children have no column {', '.join(missing)}.", "Add it, or rename a column to it."
        )
    size = len(shared)
    columns: dict[str, object] = {}
    for name in _KEYS:
        default = "" if name in ("measure", "level") else ALL
        given = shared[name] if name in shared.columns else pd.Series(np.full(size, default))
        columns[name] = given.astype("str").to_numpy()
    absent = np.full(size, np.nan if kind == "proportion" else 0.0)
    for name in SUMS:
        columns[name] = shared[name].to_numpy(np.float64, na_value=np.nan) if name in shared.columns else absent
    table = pd.DataFrame(columns)
    if (table[list(SUMS)] < 0).any(axis=None):
        raise EstimationError("A sum over shared children is negative.", "They are sums of products of counts.")
    if table.duplicated(_KEYS).any():
        raise EstimationError(
            "Rows of the sums over shared children repeat the keys of another row.", "Sum them first."
        )
    rows = frame.assign(from_period=earlier).reset_index(drop=True)[_KEYS].astype("str")
    table[_KEYS] = table[_KEYS].astype("str")
    found = rows.merge(table, on=_KEYS, how="left", indicator="where")
    listed = rows.merge(table[_PAIR].drop_duplicates(), on=_PAIR, how="left", indicator="where")
    nobody = ((found["where"] == "left_only") & (listed["where"] == "both")).to_numpy(dtype=bool)
    return np.where(nobody[:, None], 0.0, found[list(SUMS)].to_numpy(np.float64))


def sums_apart(frame: pd.DataFrame, earlier: StrArray, sums: FloatArray, reference: str) -> FloatArray:
    """For every row that is compared, the sums over those children of its reference who are not the group's.

    The arguments have one row for every group, All, Known and Unknown too; the result has those of
    `yjd.metrics.comparison.Comparison`, in their order.
    """
    if np.isnan(sums).all():
        group = frame["group"]
        compared = ~group.isin(NOT_GROUPS) & (group != reference)
        return np.full((int(compared.sum()), len(SUMS)), np.nan)
    # rows of several pairs can have one later period: they are kept apart by the name of both
    pair = np.char.add(np.char.add(earlier, "\n"), frame["period"].to_numpy(dtype=np.str_))
    keys = frame.assign(period=pair)

    def apart(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
        side = Comparison.of(keys.assign(numerator=first, denominator=second), reference, "rate").apart
        return side.numerator, side.denominator

    unknown = np.asarray(np.isnan(sums).any(axis=1))
    yy, yx, xy, xx = np.where(unknown[:, None], 0.0, sums).T
    found = np.column_stack([*apart(yy, yx), *apart(xy, xx)])
    if not unknown.any():
        return found
    lacks, _ = apart(unknown.astype(np.float64), yy)
    return np.where(lacks[:, None] != 0, np.nan, found)


def log_covariance(before: Side, after: Side, sums: FloatArray) -> FloatArray:
    """Covariance of the logs of the two rates from the sums of `shared_sums`; NaN where it is not known."""
    yy, yx, xy, xx = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = before.numerator / before.denominator, after.numerator / after.denominator
        together = yy - two * yx - one * xy + one * two * xx
        return np.asarray(together / (before.numerator * after.numerator))
