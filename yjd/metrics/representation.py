"""Representation: a group's share of the stage beside its share of the base."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, Counts, Kind, confidence_levels
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.relative import RatioMethod, ratio_estimates


def representation(
    counts: pd.DataFrame | Counts, *, kind: Kind, confidence: float | Sequence[float] = 0.95
) -> pd.DataFrame:
    """Share of the stage minus share of the base, in percentage points, and the one divided by the other.

    Quantities representation and representation_ratio; shares are of children of known ethnicity, whose
    totals are the reference numerator and denominator (reference everyone).

    The ratio of the shares is the relative rate index against everyone, and the points are 100 x share of the
    base x (ratio - 1). Both therefore take that index's interval (exact conditional for a rate, score for a
    proportion), with the base as it was counted: the three can never contradict each other.

    Parameters
    ----------
    counts : DataFrame
        Columns group, numerator, denominator; any of measure, period, area, sex, age_band, deprivation, level,
        status, disclosure, and the sums over children that `relative_rate` takes.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    confidence : float or sequence of float
        One or more levels; each level is a row.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; first all points, then all ratios.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.
    """
    levels, pair = confidence_levels(confidence), Comparison.of(counts, EVERYONE, kind)
    method: RatioMethod = "exact" if kind == "rate" else "score"
    status, ratio = ratio_estimates(pair, levels, method, everyone=True)
    points = 100 * pair.share
    gap = Estimates(
        points * (ratio.estimate - 1),
        points[:, None] * (ratio.lower - 1),
        points[:, None] * (ratio.upper - 1),
        ratio.method,
        ratio.p_value,
    )
    tables = [
        lay_out(
            pair.frame, quantity, levels=levels, own=pair.own, against=pair.against,
            reference=EVERYONE, status=status, found=found,
        )
        for quantity, found in (("representation", gap), ("representation_ratio", ratio))
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)
