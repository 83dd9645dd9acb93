"""Re-offending: how often, how soon, and beside what is expected; whether at all is a ladder's."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from yjd.models.clusters import Clusters
from yjd.models.expected import WARNING, observed_to_expected
from yjd.models.expected_risk import Learner
from yjd.models.reoffending_number import reoffences
from yjd.models.reoffending_time import time_to_reoffence
from yjd.models.rungs import Rung
from yjd.schema import ALL

__all__ = ["WARNING", "observed_to_expected", "reoffences", "reoffending", "time_to_reoffence"]


def reoffending(
    counts: pd.DataFrame,
    *,
    rungs: Sequence[Rung],
    per: float = 1.0,
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    clusters: Clusters | None = None,
    learner: Learner = "logistic",
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Put number, time, and observed to expected in one table.

    Parameters
    ----------
    counts : DataFrame
        Columns group, the adjusters, fold, reoffences, days and n: see `yjd.reoffending_counts`.
    rungs : sequence of Rung
        From the lowest. What is expected comes from the adjusters of the last; without any adjuster there is no
        expected number.
    per, reference, confidence, clusters, learner, measure, period, level
        See :func:`reoffences`, :func:`time_to_reoffence` and :func:`observed_to_expected`.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`.
    """
    number = reoffences(counts, rungs=rungs, per=per, reference=reference, confidence=confidence, clusters=clusters,
                        measure=measure, period=period, level=level)  # fmt: skip
    time = time_to_reoffence(counts, rungs=rungs, reference=reference, confidence=confidence, clusters=clusters,
                             measure=measure, period=period, level=level)  # fmt: skip
    tables = [number, time]
    if rungs[-1].adjusters:
        tables.append(observed_to_expected(
            counts, adjusters=rungs[-1].adjusters, learner=learner, confidence=confidence, clusters=clusters,
            measure=measure, period=period, level=level,
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)
