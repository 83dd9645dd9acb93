"""Early signals: what the control charts of a release show, beside how many signals chance alone would give.

In-control rates are those of independent normal values about a known centre. Exact limits of small counts are passed
less often than that, so that the expected number is an upper figure where counts are small; docs/progress.md has the
check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.control import RULES
from yjd.metrics.counts import USABLE
from yjd.schema import ALL

_TWO = float(special.ndtr(-2.0))
# chance of a signal at a point that is far enough into a chart, and how many points the rule needs
IN_CONTROL: Mapping[str, tuple[float, int]] = MappingProxyType({
    "beyond_limits": (2 * float(special.ndtr(-3.0)), 1),
    "run_of_8": (2 * 0.5**8, 8),
    "two_of_three": (2 * _TWO * (1 - (1 - _TWO) ** 2), 3),
    "trend_of_6": (2 / 720, 6),
})  # fmt: skip
assert set(IN_CONTROL) == set(RULES)

COLUMNS = ("measure", "area", "level", "group", "period", "rules", "direction", "side", "estimate", "centre", "lower",
           "upper")  # fmt: skip
_SERIES = ["measure", "area", "sex", "age_band", "deprivation", "level", "group"]


@dataclass(frozen=True)
class Signals:
    """What the charts show.

    Attributes
    ----------
    table : DataFrame
        One row a signalling point, the newest first: `COLUMNS`. rules are joined by commas, direction is above or
        below the centre, side is adverse, favourable or neither.
    charts, points : int
        How many series have limits, and how many of their points.
    expected : float
        How many signals (point and rule) chance alone would give.
    found : int
        How many there are.
    """

    table: pd.DataFrame
    charts: int
    points: int
    expected: float
    found: int


def early_signals(results: pd.DataFrame, manifest: Mapping[str, Any], *, last: int | None = None) -> Signals:
    """Read the control charts of the whole and of areas.

    Parameters
    ----------
    results : DataFrame
        Of a release.
    manifest : mapping
        What release.json says.
    last : int, optional
        Only signals of so many latest periods of each series; the expected number counts those alone too.
    """
    whole = (results[["sex", "age_band", "deprivation"]] == ALL).all(axis=1) & results["status"].isin(USABLE)
    order = {entry["period"]: entry["start"] for entry in manifest["periods"]}
    rows = results[whole & (results["quantity"] == "signal")]
    rows = rows.assign(start=rows["period"].map(order).fillna(rows["period"]))
    place = rows.sort_values("start").groupby([*_SERIES, "term"], sort=False).cumcount().reindex(rows.index)
    length = rows.groupby([*_SERIES, "term"], sort=False)["period"].transform("size")
    seen = np.ones(len(rows), dtype=bool) if last is None else (place >= length - last).to_numpy(dtype=bool)
    rows, place = rows[seen], place[seen]
    rate, needs = (
        rows["term"].map({rule: both[part] for rule, both in IN_CONTROL.items()}).to_numpy(dtype=np.float64)
        for part in (0, 1)
    )
    expected = float((rate * (place.to_numpy(dtype=np.float64) + 1 >= needs)).sum())
    fired = rows[rows["estimate"] == 1]
    charts = rows.groupby(_SERIES, sort=False).ngroups
    points = len(rows.drop_duplicates([*_SERIES, "period"]))
    return Signals(_table(results, fired, manifest), charts, points, expected, len(fired))


def _table(results: pd.DataFrame, fired: pd.DataFrame, manifest: Mapping[str, Any]) -> pd.DataFrame:
    if not len(fired):
        return pd.DataFrame(columns=list(COLUMNS))
    keys = [*_SERIES, "period"]
    points = fired.groupby([*keys, "start"], sort=False)["term"].agg(", ".join).reset_index(name="rules")
    chart = results[results["quantity"] == "control"].drop_duplicates(keys)
    table = points.merge(chart, on=keys, how="left", validate="one_to_one")
    measures = {measure["id"]: measure for measure in manifest["measures"]}
    per = table["measure"].map({name: measure["per"] for name, measure in measures.items()})
    adverse = table["measure"].map({name: measure["adverse"] for name, measure in measures.items()})
    centre = per * table["reference_numerator"] / table["reference_denominator"]
    direction = np.where(table["estimate"] > centre, "above", "below")
    worse = np.where(adverse == "higher", "above", "below")
    side = np.where(adverse == "neither", "neither", np.where(direction == worse, "adverse", "favourable"))
    table = table.assign(centre=centre, direction=direction, side=side).sort_values(
        ["start", *_SERIES], ascending=[False, *[True] * len(_SERIES)]
    )
    return table[list(COLUMNS)].reset_index(drop=True)
