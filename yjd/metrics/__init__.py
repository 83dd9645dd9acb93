"""Measures of disparity: tidy counts in, rows of the results table out."""

from __future__ import annotations

from yjd.metrics.change import change
from yjd.metrics.control import control_chart
from yjd.metrics.families import adjust
from yjd.metrics.funnel import funnel
from yjd.metrics.imputation import allocated_ratio, imputed_ratio
from yjd.metrics.intersections import intersections
from yjd.metrics.mantel_haenszel import mantel_haenszel
from yjd.metrics.missing import missing_bounds
from yjd.metrics.pathway import pathway
from yjd.metrics.pooled import pooled
from yjd.metrics.rare import gaps_between_events, rare_event_chart
from yjd.metrics.rates import composition, rate
from yjd.metrics.relative import difference, excess, relative_rate
from yjd.metrics.representation import representation
from yjd.metrics.shrunken import shrunken_rate
from yjd.metrics.standardised import standardised_rate
from yjd.metrics.standardised_ratios import standardised_ratio, standardised_rri
from yjd.metrics.together import Plan, all_results
from yjd.metrics.trend import trend, trend_ratio
from yjd.metrics.verdict import missing_verdict

__all__ = [
    "Plan",
    "adjust",
    "all_results",
    "allocated_ratio",
    "change",
    "composition",
    "control_chart",
    "difference",
    "excess",
    "funnel",
    "gaps_between_events",
    "imputed_ratio",
    "intersections",
    "mantel_haenszel",
    "missing_bounds",
    "missing_verdict",
    "pathway",
    "pooled",
    "rare_event_chart",
    "rate",
    "relative_rate",
    "representation",
    "shrunken_rate",
    "standardised_rate",
    "standardised_ratio",
    "standardised_rri",
    "trend",
    "trend_ratio",
]
