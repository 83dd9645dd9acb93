"""From the baseline to now: what the released rows say about each comparison, one row each.

Nothing is counted here. Rows of `rate`, `rri`, `change_rate` and `change_rri` are looked up; where a release has no row
for the change itself, it is made of the two periods' own intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.counts import USABLE, Reason, first_reason
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.schema import ALL, UNKNOWN

KEYS = ("measure", "area", "level", "group", "reference", "baseline", "period")
QUANTITIES = ("rate", "rri", "change_rate", "change_rri")
_NUMBERS = ["numerator", "denominator", "reference_numerator", "reference_denominator", "estimate", "lower", "upper",
            "p_value"]  # fmt: skip


@dataclass(frozen=True)
class Periods:
    """When each period begins and ends (ISO dates), so that overlaps and breaks can be told; empty: by name alone."""

    start: Mapping[str, str]
    end: Mapping[str, str]

    def overlap(self, first: pd.Series[str], second: pd.Series[str]) -> np.ndarray:
        """Whether two different periods have days in common."""
        starts, ends = ([values.map(dict(table)) for values in (first, second)] for table in (self.start, self.end))
        both = starts[0].notna() & starts[1].notna()
        return (both & (first != second) & (starts[0] <= ends[1]) & (starts[1] <= ends[0])).to_numpy(dtype=bool)


def released_rows(results: pd.DataFrame, confidence: float | None = None) -> pd.DataFrame:
    """The rows that comparisons read: no split but area, no model, one level of confidence (the lowest by default)."""
    whole = results["quantity"].isin(QUANTITIES) & (results["rung"] == "")
    for split in ("sex", "age_band", "deprivation"):
        whole &= results[split] == ALL
    rows = results[whole]
    level = rows["confidence"].min() if confidence is None else confidence
    return rows[rows["confidence"] == level]


def changes(
    wanted: pd.DataFrame,
    now: pd.DataFrame,
    then: pd.DataFrame | None = None,
    *,
    periods: Periods | None = None,
) -> pd.DataFrame:
    """Look up, or make, the change of each comparison.

    Parameters
    ----------
    wanted : DataFrame
        One row a comparison: the columns of `KEYS` (reference '' where there is none; baseline '' where the
        baseline is a value), base_rate and base_ratio (values of the baseline, NaN where it is a period), kind.
    now, then : DataFrame
        From `released_rows`: of the release, and of the earlier release that holds the baselines, if not the same.
    periods : Periods, optional
        Without it no overlap is noticed.

    Returns
    -------
    DataFrame
        `wanted` with, of shape (rows,):

        - a1, A1, a2, A2 and b1, B1, b2, B2: events and base of the group and of the reference, then and now;
        - u1, n1, u2, n2: events of unknown ethnicity and all events; U1, N1, U2, N2 the same of the base;
        - rate and ratio now with limits (rate, rate_lower, rate_upper, ...), and at the baseline (rate_then, ...);
        - rate_change, ratio_change: logs of later over earlier, with _lower, _upper, _se (towards no change) and
          _p (two-sided, of no change) and _method;
        - status: ok, or why there is no change to judge.
    """
    frame = wanted.reset_index(drop=True)
    before = now if then is None else then
    alone = (frame["reference"] == "").to_numpy(dtype=bool)
    rates = [_find(rows, frame, "rate", frame[when]) for rows, when in ((now, "period"), (before, "baseline"))]
    ratios = [
        _find(rows, frame, "rri", frame[when], reference=frame["reference"])
        for rows, when in ((now, "period"), (before, "baseline"))
    ]
    z = float(normal_quantile(np.array([now["confidence"].min() if len(now) else 0.95]))[0])
    found = dict(zip(("a2", "A2", "a1", "A1"), _counts(rates, ("numerator", "denominator")), strict=True))
    sides = _counts(ratios, ("reference_numerator", "reference_denominator"))
    found |= dict(zip(("b2", "B2", "b1", "B1"), sides, strict=True))
    found |= _unknown(frame, now, before)
    for name, pair, values in (("rate", rates, "base_rate"), ("ratio", ratios, "base_ratio")):
        fixed = frame[values].to_numpy(dtype=np.float64)
        for when, suffix in ((0, ""), (1, "_then")):
            for part, word in (("estimate", ""), ("lower", "_lower"), ("upper", "_upper")):
                value = pair[when][part].to_numpy(dtype=np.float64)
                found[f"{name}{suffix}{word}"] = np.where(np.isnan(fixed) | (when == 0), value, fixed)
    same_release = then is None
    steps = []
    for name, quantity in (("rate", "change_rate"), ("ratio", "change_rri")):
        reference = frame["reference"] if name == "ratio" else None
        row = _find(now, frame, quantity, frame["period"], reference=reference, term=frame["baseline"])
        own = np.isin(row["status"].to_numpy(dtype=str), USABLE) & same_release
        step = _step(_from_rows(row, z), _from_limits(found, name, z), own)
        found |= {f"{name}_change{word}": value for word, value in step.items()}
        steps.append(row)
    status = _status(frame, rates, ratios, steps, alone, same_release, periods)
    return frame.assign(**found, status=status)


def _find(
    rows: pd.DataFrame,
    frame: pd.DataFrame,
    quantity: str,
    period: pd.Series[str],
    *,
    group: str | None = None,
    reference: pd.Series[str] | None = None,
    term: pd.Series[str] | None = None,
) -> pd.DataFrame:
    """The row of each comparison; status '' and NaN where there is none."""
    names = ["measure", "area", "level", "group", "period"]
    asked = frame[["measure", "area", "level", "group"]].assign(period=period.to_numpy())
    if group is not None:
        asked["group"] = group
    for name, values in (("reference", reference), ("term", term)):
        if values is not None:
            names.append(name)
            asked[name] = values.to_numpy()
    own = rows[rows["quantity"] == quantity]
    place = pd.MultiIndex.from_frame(own[names]).get_indexer(pd.MultiIndex.from_frame(asked[names]))
    taken = own.iloc[np.maximum(place, 0)].reset_index(drop=True) if len(own) else own.reindex(range(len(frame)))
    absent = place < 0
    taken = taken[[*_NUMBERS, "status", "disclosure", "method"]].copy()
    taken[_NUMBERS] = np.where(absent[:, None], np.nan, taken[_NUMBERS].to_numpy(dtype=np.float64))
    for name in ("status", "disclosure", "method"):
        taken[name] = taken[name].astype("object").where(~absent, "").astype("str")
    return taken


def _counts(pair: list[pd.DataFrame], names: tuple[str, str]) -> list[FloatArray]:
    return [rows[name].to_numpy(dtype=np.float64) for rows in pair for name in names]


def _unknown(frame: pd.DataFrame, now: pd.DataFrame, before: pd.DataFrame) -> dict[str, FloatArray]:
    """Events and base of unknown ethnicity, and of all; 0 where there is no such row, NaN where it is hidden."""
    found: dict[str, FloatArray] = {}
    for number, rows, when in ((2, now, "period"), (1, before, "baseline")):
        for group, events, base in ((UNKNOWN, "u", "U"), (ALL, "n", "N")):
            row = _find(rows, frame, "rate", frame[when], group=group)
            absent = (row["status"] == "").to_numpy(dtype=bool)
            for name, column in ((events, "numerator"), (base, "denominator")):
                found[f"{name}{number}"] = np.where(absent, 0.0, row[column].to_numpy(dtype=np.float64))
    return found


def _from_rows(row: pd.DataFrame, z: float) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        value, lower, upper = (np.log(row[name].to_numpy(dtype=np.float64)) for name in ("estimate", "lower", "upper"))
        se = np.where(value < 0, upper - value, value - lower) / z
    p_value = row["p_value"].to_numpy(dtype=np.float64)
    return {"": value, "_lower": lower, "_upper": upper, "_se": se, "_p": p_value,
            "_method": row["method"].to_numpy(dtype=str)}  # fmt: skip


def _from_limits(found: Mapping[str, np.ndarray], name: str, z: float) -> dict[str, np.ndarray]:
    """A change of the two periods' own intervals, which are taken as independent, on the log scale.

    The limits of a difference recovered from those of its parts (MOVER; Donner and Zou 2012, Statistical Methods in
    Medical Research 21:347-359). Without the sums over children who are in both periods it is too long, not too short.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        now, then = (
            [np.log(found[f"{name}{suffix}{word}"]) for word in ("", "_lower", "_upper")] for suffix in ("", "_then")
        )
        value = now[0] - then[0]
        lower = value - np.sqrt((now[0] - now[1]) ** 2 + (then[2] - then[0]) ** 2)
        upper = value + np.sqrt((now[2] - now[0]) ** 2 + (then[0] - then[1]) ** 2)
        se = np.where(value < 0, upper - value, value - lower) / z
        p_value = 2 * special.ndtr(-np.abs(value) / se)
    method: StrArray = np.where(np.isfinite(value), "from_intervals", "")
    return {"": value, "_lower": lower, "_upper": upper, "_se": se, "_p": p_value, "_method": method}


def _step(one: dict[str, np.ndarray], other: dict[str, np.ndarray], own: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.where(own, one[name], other[name]) for name in one}


def _status(
    frame: pd.DataFrame,
    rates: list[pd.DataFrame],
    ratios: list[pd.DataFrame],
    steps: list[pd.DataFrame],
    alone: np.ndarray,
    same_release: bool,
    periods: Periods | None,
) -> StrArray:
    """Why there is no change to judge, from the most to the least binding; ok where there is one."""
    by_value = (frame["baseline"] == "").to_numpy(dtype=bool)
    now, then = (rows["status"].to_numpy(dtype=str) for rows in rates)
    ratio_now, ratio_then = (rows["status"].to_numpy(dtype=str) for rows in ratios)
    broken = np.zeros(len(frame), dtype=bool)
    for row in steps:
        broken |= (row["status"] == "break").to_numpy(dtype=bool) & same_release
    # the period before a break is not the one that carries it, so that the baseline's own status says nothing
    broken |= (now == "break") & ~by_value
    reasons: list[Reason] = [
        (now == "", "absent"),
        (~by_value & (then == ""), "no_baseline"),
        (~by_value & same_release & (frame["baseline"] == frame["period"]).to_numpy(dtype=bool), "same_period"),
    ]
    if periods is not None:
        reasons.append((~by_value & periods.overlap(frame["baseline"], frame["period"]), "overlap"))
    reasons.append((broken, "break"))
    reasons.append((~np.isin(now, USABLE), now))
    reasons.append((~by_value & ~np.isin(then, USABLE), then))
    reasons.append((~alone & (ratio_now == ""), "no_reference"))
    reasons.append((~alone & ~np.isin(ratio_now, USABLE), ratio_now))
    reasons.append((~alone & ~by_value & ~np.isin(ratio_then, USABLE), ratio_then))
    for row, counts in zip(steps, (np.ones(len(frame), dtype=bool), ~alone), strict=True):
        said = row["status"].to_numpy(dtype=str)
        reasons.append((counts & same_release & ~by_value & (said != "") & ~np.isin(said, USABLE), said))
    zero = rates[0]["numerator"].to_numpy(dtype=np.float64) == 0
    earlier_zero = ~by_value & (rates[1]["numerator"].to_numpy(dtype=np.float64) == 0)
    reasons.append((zero | earlier_zero, "no_events"))
    return first_reason(reasons, "ok")
