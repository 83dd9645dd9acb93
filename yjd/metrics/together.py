"""Every metric of one counts frame in one table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from yjd.metrics.counts import EVERYONE, OTHERS, Kind
from yjd.metrics.missing import missing_bounds
from yjd.metrics.rates import composition, rate
from yjd.metrics.relative import difference, excess, relative_rate
from yjd.metrics.representation import representation


def all_results(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    per: float,
    references: Sequence[str],
    confidence: float | Sequence[float] = 0.95,
) -> pd.DataFrame:
    """Rate, composition, representation, and against each reference the ratio, difference, excess and bounds.

    A named reference is used only in those levels of the ethnicity classification in which it is a group at
    all: White, of the broad level, is not set against the detailed groups. Other parameters are those of each
    metric.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`.
    """
    tables = [
        rate(counts, kind=kind, per=per, confidence=confidence),
        composition(counts, confidence=confidence),
        representation(counts, kind=kind, confidence=confidence),
    ]
    for reference in dict.fromkeys(references):
        part = _where_it_is_a_group(counts, reference)
        tables += [
            relative_rate(part, kind=kind, reference=reference, confidence=confidence),
            difference(part, kind=kind, reference=reference, per=per, confidence=confidence),
            excess(part, kind=kind, reference=reference, confidence=confidence),
            missing_bounds(part, kind=kind, reference=reference),
        ]
    return pd.concat(tables, ignore_index=True)


def _where_it_is_a_group(counts: pd.DataFrame, reference: str) -> pd.DataFrame:
    if reference in (OTHERS, EVERYONE) or "level" not in counts.columns:
        return counts
    levels = counts.loc[counts["group"] == reference, "level"].unique()
    return counts[counts["level"].isin(levels)]
