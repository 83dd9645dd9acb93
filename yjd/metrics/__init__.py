"""Measures of disparity: tidy counts in, rows of the results table out."""

from __future__ import annotations

from yjd.metrics.missing import missing_bounds
from yjd.metrics.rates import composition, rate
from yjd.metrics.relative import difference, excess, relative_rate
from yjd.metrics.representation import representation
from yjd.metrics.together import all_results

__all__ = [
    "all_results",
    "composition",
    "difference",
    "excess",
    "missing_bounds",
    "rate",
    "relative_rate",
    "representation",
]
