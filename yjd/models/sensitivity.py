"""How strong something unmeasured would have to be to account for an adjusted ratio.

The E-value (VanderWeele and Ding 2017, Annals of Internal Medicine 167:268-274) is the smallest risk ratio that a
factor must have both with the group and with the event, beyond what is adjusted for, to bring the ratio to 1. It
follows from the bounding factor of Ding and VanderWeele (2016, Epidemiology 27:368-377) and assumes nothing about the
factor.

A benchmark sets a measured adjuster on the same scale: leaving it out changes the ratio by some factor, and its E-value
is the smallest strength with which a factor can do that (the observed covariate E-value of D'Agostino McGowan and
Greevy 2020, arXiv:2011.07030). The multiple compares changes on the log scale: how many such factors bring the ratio
to 1. Robustness values (Cinelli and Hazlett 2020) are for linear models and have no place here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import USABLE, Kind
from yjd.metrics.intervals import FloatArray
from yjd.models.clusters import Clusters
from yjd.models.ladder import Rung, ladder
from yjd.schema import ALL, RESULT_COLUMNS

ESTIMATE, LIMIT = "estimate", "limit"
_ALL, _WITHOUT = "all of them", "without one"


def e_values(ratios: FloatArray) -> FloatArray:
    """E-values of risk ratios above 0, of any shape: 1 for a ratio of 1."""
    away = np.maximum(ratios, 1 / ratios)
    return cast(FloatArray, away + np.sqrt(away * (away - 1)))


def sensitivity(results: pd.DataFrame) -> pd.DataFrame:
    """Give the E-values of adjusted ratios: of the estimate, and of the limit nearest 1.

    Parameters
    ----------
    results : DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; the rows with the quantity adjusted_rri are read. They are
        ratios of risks (or of rates) and not of odds, so nothing need be rare.

    Returns
    -------
    DataFrame
        The same columns. Quantity e_value with the terms estimate and limit, two rows for each one read, with its
        keys, counts, method, status and disclosure. 1 for a limit on the other side of 1 from the estimate.

    Raises
    ------
    EstimationError
        Columns are missing.
    """
    missing = [name for name in RESULT_COLUMNS if name not in results.columns]
    if missing:
        raise EstimationError(f"The results have no column {', '.join(missing)}.", "Give results of the ladder.")
    read = results[results["quantity"] == "adjusted_rri"]
    ratio, lower, upper = (read[name].to_numpy(dtype=np.float64) for name in ("estimate", "lower", "upper"))
    usable = np.isin(read["status"].to_numpy(dtype=str), USABLE) & (ratio > 0)
    nearest = np.where(ratio >= 1, np.maximum(lower, 1.0), np.minimum(upper, 1.0))
    values = np.column_stack([
        e_values(np.where(usable, ratio, 1.0)),
        e_values(np.where(usable & (nearest > 0), nearest, 1.0)),
    ])  # fmt: skip
    values = np.where(usable[:, None], values, np.nan)
    values[:, 1] = np.where(np.isnan(nearest), np.nan, values[:, 1])
    table = read.loc[read.index.repeat(2)].reset_index(drop=True)
    blank = dict.fromkeys(("lower", "upper", "p_value", "q_value"), np.nan)
    method = np.where(usable.repeat(2), "e_value", "")
    return table.assign(
        quantity="e_value", term=np.tile([ESTIMATE, LIMIT], len(read)), estimate=values.ravel(), method=method, **blank
    ).astype(dict.fromkeys(("quantity", "term", "method"), "str"))


def benchmarks(
    counts: pd.DataFrame,
    *,
    adjusters: Sequence[str],
    kind: Kind = "proportion",
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    rung: str = "",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Set each measured adjuster on the scale of E-values, by leaving it out.

    Parameters
    ----------
    counts : DataFrame
        Model counts: group, base, events, the adjusters, and what `clusters` reads.
    adjusters : sequence of str
        All that is adjusted for.
    kind, reference, confidence, clusters, measure, period, level
        See :func:`yjd.models.ladder.ladder`.
    rung : str
        Of the rows: the name of what is adjusted for.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`, with a term for each adjuster. Quantity benchmark is the adjuster's own
        E-value: that of the factor by which leaving it out changes the adjusted ratio; its interval is that factor's.
        Quantity benchmark_times is how many times as strong as this adjuster, in change of the ratio on the log scale,
        something unmeasured would have to be to bring the ratio to 1; no_difference where the interval of the change
        holds none at all. Other statuses are the ladder's.

    Raises
    ------
    EstimationError
        As for the ladder, or if there are no adjusters.
    """
    if not adjusters or len(set(adjusters)) < len(adjusters):
        raise EstimationError(
            "There are no adjusters, or one comes twice.", "Name one or more columns of labels, once."
        )
    tables = []
    for name in adjusters:
        rungs = (Rung(_ALL, tuple(adjusters)), Rung(_WITHOUT, tuple(one for one in adjusters if one != name)))
        found = ladder(
            counts, kind=kind, rungs=rungs, reference=reference, confidence=confidence, clusters=clusters,
            measure=measure, period=period, level=level,
        )  # fmt: skip
        tables.append(_of_one(found).assign(term=name))
    whole = pd.concat(tables, ignore_index=True)
    return whole.assign(rung=rung).sort_values("quantity", kind="stable", ignore_index=True).astype(
        dict.fromkeys(("quantity", "rung", "term", "method"), "str")
    )[list(RESULT_COLUMNS)]  # fmt: skip


def _of_one(found: pd.DataFrame) -> pd.DataFrame:
    """Both quantities for one adjuster, from a ladder of all adjusters and of all but this one."""
    changes = found[found["quantity"] == "rung_change"].reset_index(drop=True)
    ratios = found[(found["quantity"] == "adjusted_rri") & (found["rung"] == _ALL)].reset_index(drop=True)
    change, lower, upper = (changes[name].to_numpy(dtype=np.float64) for name in ("estimate", "lower", "upper"))
    ok = np.isin(changes["status"].to_numpy(dtype=str), USABLE) & (change > 0)
    # without an interval there is no change at all: the adjuster adds nothing
    low, high = (np.where(ok, np.where(np.isnan(limit), change, limit), 1.0) for limit in (lower, upper))
    whole = np.where(ok, change, 1.0)
    either = (low - 1) * (high - 1) <= 0
    ends = np.sort(e_values(np.column_stack([low, high])), axis=1)
    first = changes.assign(
        quantity="benchmark", estimate=np.where(ok, e_values(whole), np.nan),
        lower=np.where(ok, np.where(either, 1.0, ends[:, 0]), np.nan), upper=np.where(ok, ends[:, 1], np.nan),
        p_value=np.nan, method=np.where(ok, "leave_one_out_" + changes["method"].to_numpy(dtype=object), ""),
    )  # fmt: skip
    ratio = ratios["estimate"].to_numpy(dtype=np.float64)
    clear = ok & ~either & (ratio > 0)
    times = np.abs(np.log(np.where(clear, ratio, 1.0))) / np.abs(np.log(np.where(clear, whole, np.e)))
    status = np.where(ok & either, "no_difference", changes["status"].to_numpy(dtype=object))
    second = first.assign(
        quantity="benchmark_times", estimate=np.where(clear, times, np.nan), lower=np.nan, upper=np.nan,
        status=pd.Series(status, dtype="str"), method=np.where(clear, first["method"].to_numpy(dtype=object), ""),
    )  # fmt: skip
    return pd.concat([first, second], ignore_index=True)
