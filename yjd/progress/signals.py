"""Early signals: what the control charts of a release show, beside how many signals chance alone would give.

That number is drawn: counts at each chart's own centre line and bases, without any change, go through the same limits
and rules. Textbook rates (0.3, 0.8, 0.2 and 0.3 of 100 points) are of normal values about a known centre; with a centre
from the same points and exact limits of small counts there are about half as many (docs/progress.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from yjd.metrics.control import control_chart
from yjd.metrics.counts import USABLE
from yjd.schema import ALL

_DRAWN = 40_000  # points, in all
_SEED = 1
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
    rows = rows[seen]
    fired = rows[rows["estimate"] == 1]
    charts = rows.groupby(_SERIES, sort=False).ngroups
    points = len(rows.drop_duplicates([*_SERIES, "period"]))
    charted = results[whole & (results["quantity"] == "control")].drop_duplicates([*_SERIES, "period"])
    told = pd.MultiIndex.from_frame(rows[[*_SERIES, "period"]].drop_duplicates())
    expected = expected_signals(charted, told, manifest, order)
    return Signals(_table(results, fired, manifest), charts, points, expected, len(fired))


def expected_signals(
    charted: pd.DataFrame, told: pd.MultiIndex, manifest: Mapping[str, Any], order: Mapping[str, str]
) -> float:
    """How many signals these charts would show if nothing but chance moved their points.

    Parameters
    ----------
    charted : DataFrame
        Rows `control`, one a point, with the totals of the baseline as reference.
    told : MultiIndex
        The points whose signals count.
    manifest : mapping
        What release.json says: which measures are proportions.
    order : mapping of str to str
        The start of each period.
    """
    if not len(charted):
        return 0.0
    chance, draws = np.random.default_rng(_SEED), int(np.clip(_DRAWN // len(charted), 1, 400))
    kinds = charted["measure"].map({measure["id"]: measure["kind"] for measure in manifest["measures"]})
    # a chart that starts afresh at a break has a centre for each part
    parts = charted.groupby([*_SERIES, "reference_numerator", "reference_denominator"], sort=False).ngroup()
    counts = pd.MultiIndex.from_frame(charted[[*_SERIES, "period"]]).isin(told)
    total = 0.0
    for kind in ("rate", "proportion"):
        own = (kinds == kind).to_numpy(dtype=bool)
        if not own.any():
            continue
        base, centre = (np.tile(values[own], draws) for values in (
            charted["denominator"].to_numpy(dtype=np.float64),
            (charted["reference_numerator"] / charted["reference_denominator"]).to_numpy(dtype=np.float64),
        ))  # fmt: skip
        drawn = chance.poisson(base * centre) if kind == "rate" else chance.binomial(np.round(base).astype(int), centre)
        starts = charted["period"].map(dict(order)).fillna(charted["period"]).to_numpy(dtype=str)[own]
        chart = np.repeat(np.arange(draws), own.sum()).astype(str)
        frame = pd.DataFrame({
            "area": np.char.add(np.char.add(chart, "-"), np.tile(parts.to_numpy()[own].astype(str), draws)),
            "group": "drawn", "period": np.tile(starts, draws), "numerator": drawn.astype(np.float64),
            "denominator": base if kind == "rate" else np.round(base), "counts": np.tile(counts[own], draws),
        })  # fmt: skip
        found = control_chart(frame.drop(columns="counts"), kind=kind)
        fired = found[(found["quantity"] == "signal") & (found["estimate"] == 1)]
        joined = fired[["area", "period"]].merge(frame[["area", "period", "counts"]], on=["area", "period"])
        total += float(joined["counts"].sum()) / draws
    return total


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
