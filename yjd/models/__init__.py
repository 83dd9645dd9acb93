"""Adjusted models: counts for every pattern of group and adjusters in, rows of the results table out."""

from __future__ import annotations

from yjd.models.area_effects import area_effects
from yjd.models.children import ByChild
from yjd.models.clusters import ByArea, ByRow
from yjd.models.decomposition import decompose
from yjd.models.diagnostics import diagnose
from yjd.models.doubly_robust import doubly_robust
from yjd.models.ladder import ladder
from yjd.models.multilevel import multilevel
from yjd.models.reoffending import reoffending
from yjd.models.rungs import Rung
from yjd.models.sensitivity import benchmarks, sensitivity

__all__ = [
    "ByArea",
    "ByChild",
    "ByRow",
    "Rung",
    "area_effects",
    "benchmarks",
    "decompose",
    "diagnose",
    "doubly_robust",
    "ladder",
    "multilevel",
    "reoffending",
    "sensitivity",
]
