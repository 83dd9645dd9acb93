"""By how much more than chance years vary, as the release itself shows: for each measure, area and level.

Before the period that is judged the counts of each group are held against a line (log-linear, or logistic for a
proportion). What is left over, beyond chance and beyond children who come again, is Pearson's statistic; it is pooled
over the groups, since one group alone has too few years. The period that is judged takes no part: a real change there
is no variation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.counts import USABLE, Kind
from yjd.metrics.intervals import FloatArray, poisson_rate, wilson
from yjd.metrics.slopes import fit_slope, has_slope
from yjd.schema import ALL, KNOWN, UNKNOWN

FEWEST_PERIODS = 3  # of a series: two are always on a line
FEWEST_FREEDOM = 4.0  # of all series together
_SERIES = ["measure", "area", "level"]


def with_year_variation(frame: pd.DataFrame, rows: pd.DataFrame, periods: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Add by how much more than chance years vary.

    Parameters
    ----------
    frame : DataFrame
        Comparisons: measure, area, level, period and kind.
    rows : DataFrame
        From `yjd.progress.changes.released_rows`: the rows `rate` are read.
    periods : sequence of mapping
        Of release.json: period, kind, start and end (ISO dates).

    Returns
    -------
    DataFrame
        `frame` with year_dispersion (a ratio of variances, which can be below 1; NaN where there are too few years) and
        year_freedom (its degrees of freedom, 0 where there are too few). An area that has too few by itself takes that
        of the whole region.
    """
    table = rows[(rows["quantity"] == "rate") & rows["status"].isin(USABLE)]
    table = table[~table["group"].isin([ALL, KNOWN, UNKNOWN]) & table["measure"].isin(set(frame["measure"]))]
    value, freedom = np.full(len(frame), np.nan), np.zeros(len(frame))
    kinds = dict(zip(frame["measure"], frame["kind"], strict=True))
    for period, places in frame.groupby("period", sort=False).indices.items():
        found = _pooled(_in_years(table, str(period), periods), kinds)
        for area in ("own", ALL):
            asked = frame.iloc[places][_SERIES].assign(**({} if area == "own" else {"area": ALL}))
            own = found.reindex(pd.MultiIndex.from_frame(asked))
            new = np.isnan(value[places]) & own["value"].notna().to_numpy()
            value[places] = np.where(new, own["value"], value[places])
            freedom[places] = np.where(new, own["freedom"], freedom[places])
    return frame.assign(year_dispersion=value, year_freedom=freedom)


def year_factor(frame: pd.DataFrame, given: float, z: FloatArray) -> FloatArray:
    """How many times as large as by chance alone variances are taken to be.

    Parameters
    ----------
    frame : DataFrame
        From `with_year_variation`; without its columns what is given holds.
    given : float
        What the register says, at least 1.
    z : array, shape (rows,)
        How many standard errors a two-sided test asks for.

    Returns
    -------
    array, shape (rows,)
        The larger of what is given and, where they show more than chance, what the years before show, as much larger
        as Student's t asks at the level of the tests: they are few.
    """
    if "year_dispersion" not in frame:
        return np.full(len(frame), given)
    shown, freedom = (frame[f"year_{name}"].to_numpy(dtype=np.float64) for name in ("dispersion", "freedom"))
    unsure = (special.stdtrit(np.maximum(freedom, 1.0), special.ndtr(z)) / z) ** 2
    return np.fmax(given, np.where(shown > 1, shown * unsure, np.nan))


def widened(frame: pd.DataFrame, times: FloatArray) -> pd.DataFrame:
    """Changes with variances so many times as large: their limits, errors and p-values."""
    wider, found = np.sqrt(times), {}
    for name in ("rate_change", "ratio_change"):
        value = frame[name].to_numpy(dtype=np.float64)
        for side in ("lower", "upper"):
            found[f"{name}_{side}"] = value + wider * (frame[f"{name}_{side}"].to_numpy(dtype=np.float64) - value)
        found[f"{name}_se"] = wider * frame[f"{name}_se"].to_numpy(dtype=np.float64)
        p_value = frame[f"{name}_p"].to_numpy(dtype=np.float64)
        found[f"{name}_p"] = 2 * special.ndtr(special.ndtri(p_value / 2) / wider)
    return frame.assign(**found)


def _in_years(table: pd.DataFrame, judged: str, periods: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of periods before the one that is judged, of its kind or of another whose periods do not overlap."""
    known = {str(one["period"]): one for one in periods}
    if judged not in known:
        return table.iloc[:0].assign(time=0.0)
    start = str(known[judged]["start"])
    kinds = [str(known[judged]["kind"]), *(str(one["kind"]) for one in periods)]
    for kind in dict.fromkeys(kinds):
        same = sorted((one for one in periods if one["kind"] == kind), key=lambda one: str(one["start"]))
        if any(str(one["end"]) >= str(two["start"]) for one, two in itertools.pairwise(same)):
            continue
        times = {str(one["period"]): _years(one["start"]) for one in same if str(one["end"]) < start}
        return table[table["period"].isin(times)].assign(time=table["period"].map(times))
    return table.iloc[:0].assign(time=0.0)


def _years(day: object) -> float:
    return date.fromisoformat(str(day)).toordinal() / 365.25


def _pooled(table: pd.DataFrame, kinds: Mapping[str, Kind]) -> pd.DataFrame:
    """Pearson's statistic over its degrees of freedom, by measure, area and level: columns value and freedom."""
    parts = [
        _fitted(table[table["measure"].map(kinds) == kind], kind)
        for kind in ("rate", "proportion")
    ]  # fmt: skip
    sums = pd.concat(parts).groupby(_SERIES, sort=False)[["pearson", "freedom"]].sum()
    sums = sums[sums["freedom"] >= FEWEST_FREEDOM]
    return sums.assign(value=sums["pearson"] / sums["freedom"])


def _fitted(table: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """One row a series that has enough periods since its last break."""
    if not len(table):
        return pd.DataFrame(columns=[*_SERIES, "pearson", "freedom"]).astype({"pearson": float, "freedom": float})
    keys = [*_SERIES, "group"]
    series = table.groupby(keys, sort=False).ngroup().to_numpy()
    times, column = np.unique(table["time"].to_numpy(dtype=np.float64), return_inverse=True)
    shape = (int(series.max(initial=-1)) + 1, len(times))
    grids = {name: np.zeros(shape) for name in ("numerator", "denominator", "design")}
    for name, grid in grids.items():
        values = _design(table, kind) if name == "design" else table[name].to_numpy(dtype=np.float64)
        grid[series, column] = values
    broken = np.zeros(shape, dtype=bool)
    broken[series, column] = (table["status"] == "break").to_numpy()
    last_run = np.cumsum(broken, axis=1) == broken.sum(axis=1, keepdims=True)
    events, base = (np.where(last_run, grids[name], 0.0) for name in ("numerator", "denominator"))
    years = np.broadcast_to(times, shape)
    used = (base > 0).sum(axis=1)
    fits = (used >= FEWEST_PERIODS) & has_slope(events, base, years, kind)
    slope = fit_slope(events[fits], base[fits], years[fits], kind)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (events[fits] - base[fits] * slope.rate) ** 2 / (slope.variance * grids["design"][fits])
    pearson = np.where(slope.variance > 0, left, 0.0).sum(axis=1)
    found = table.drop_duplicates(keys)[_SERIES][fits].assign(pearson=pearson, freedom=used[fits] - 2.0)
    return pd.DataFrame(found[slope.converged])


def _design(table: pd.DataFrame, kind: Kind) -> FloatArray:
    """How many times as large as of independent events the variance is that a row's own interval allows for."""
    events, base, level, lower, upper = (
        table[name].to_numpy(dtype=np.float64) for name in ("numerator", "denominator", "confidence", "lower", "upper")
    )
    alone = poisson_rate(events, base, level)[:2] if kind == "rate" else wilson(events, base, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (np.log(upper / lower) / np.log(alone[1] / alone[0])) ** 2
    by_child = table["method"].str.endswith("_by_child").to_numpy(dtype=bool)
    return np.where(by_child & np.isfinite(times), np.maximum(times, 1.0), 1.0)
