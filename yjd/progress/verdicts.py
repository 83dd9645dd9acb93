"""From changes to verdicts: what may be claimed of each comparison, corrected for how many there are.

*Improving* asks for both: the group's ratio and its own rate are better than at the baseline, so its p-value is the
larger of the two (an intersection-union test; Berger 1982, Technometrics 24:295-300). *Worsening* asks for either, so
its p-value is twice the smaller. *Met* asks that the target lies on the worse side of the interval. All p-values are
two-sided, so that a verdict never contradicts an interval, and all tests of a register are one family.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.families import adjusted_p
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.progress.detectable import Volumes, periods_until_visible, power, smallest_detectable
from yjd.progress.recording import Shift, recording_shift
from yjd.progress.years import widened, year_factor
from yjd.recommendations import Judging

Verdict = Literal[
    "met", "improving", "no clear change", "worsening", "insufficient evidence", "not measurable with this data"
]
MET, IMPROVING, NO_CHANGE, WORSENING, INSUFFICIENT, NOT_MEASURABLE = (
    "met", "improving", "no clear change", "worsening", "insufficient evidence", "not measurable with this data",
)  # fmt: skip
VERDICTS = (MET, IMPROVING, NO_CHANGE, WORSENING, INSUFFICIENT, NOT_MEASURABLE)
TOO_LITTLE = ("no_events", "no_reference", "too_few", "not_converged")  # statuses that more data would mend
_CLEAR = 0.05  # of the reference's own change, which decides nothing but whose change it was


def judge(
    frame: pd.DataFrame, judging: Judging, *, family: np.ndarray | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Judge every comparison.

    Parameters
    ----------
    frame : DataFrame
        From `yjd.progress.changes.changes`, with `better` (-1 where lower is better, 1 where higher is), target_rate
        and target_ratio (NaN where there is none); and of `yjd.progress.years`, where years are to be looked at.
    judging : Judging
        From the register.
    family : array of int, optional
        The number of the register that each comparison belongs to; all are of one by default.
    confidence : float
        Of the intervals in `frame`.

    Returns
    -------
    DataFrame
        `frame` with verdict, reason (a code that `yjd.progress.sentences` words), p_value and q_value of the change,
        q_target, needed (the change that has to be detectable, as a ratio to the baseline) and by_target (whether a
        target says so), reference_change and recording (logs; by how much recording could have moved the ratio), and
        tests (how many the register makes).
    """
    frame = frame.reset_index(drop=True)
    family = np.zeros(len(frame), dtype=np.intp) if family is None else family
    judged = (frame["status"] == "ok").to_numpy(dtype=bool)
    same = frame.groupby([family, *_SAME], sort=False, dropna=False).ngroup().to_numpy()
    with_target = frame[["target_rate", "target_ratio"]].notna().any(axis=1).to_numpy(dtype=bool)
    once = _first(same, judged).astype(np.float64) + _first(same, judged & with_target)
    of_register = pd.Series(once).groupby(family).transform("sum").to_numpy(dtype=np.float64)
    z = _standard_errors(judging, of_register)
    factor = year_factor(frame, judging.year_dispersion, z)
    frame = widened(frame, factor)
    shift, error = recording_shift(frame), judging.error_percent / 100
    tests = {held: _tests(frame, shift if held else None, confidence) for held in (True, False)}
    corrected = {held: _correct(one, judged, family, same, judging.correction) for held, one in tests.items()}
    claims = {held: _claims(frame, tests[held], corrected[held], error) for held in (True, False)}
    volumes = Volumes.of(frame)
    wanted = judging.power_percent / 100
    needed, by_target = _needed(frame, judging)
    seen = power(volumes, needed[:, None], z)[:, 0] >= wanted
    hides = np.fmax(shift.ratio_fell, shift.ratio_rose) > needed  # as large a change as is wanted, either way
    verdict, reason = _decide(frame, claims, judged, seen, hides, np.isnan(shift.rate_fell))
    sign = frame["better"].to_numpy(dtype=np.float64)
    return frame.assign(
        verdict=verdict, reason=reason, p_value=np.where(judged, tests[True]["change"], np.nan),
        q_value=corrected[True]["change"], q_target=corrected[True]["met"],
        needed=np.where(judged, np.exp(sign * needed), np.nan), by_target=by_target, tests=of_register,
        year_factor=factor,
        reference_change=_reference_change(frame)[0],
        recording=np.where(sign < 0, shift.ratio_fell, shift.ratio_rose),
    )  # fmt: skip


def with_detectable(frame: pd.DataFrame, judging: Judging) -> pd.DataFrame:
    """Add what the data could have shown.

    Parameters
    ----------
    frame : DataFrame
        From `judge`.
    judging : Judging
        From the register.

    Returns
    -------
    DataFrame
        `frame` with detectable (the smallest change, as a ratio to the baseline; below 1 where lower is better, 0
        where none could be shown) and periods_until_visible (how many later periods, taken together, would show
        what the target asks for; 0 where this data could have, inf beyond 40, NaN without a target).
    """
    judged = (frame["status"] == "ok").to_numpy(dtype=bool)
    z = _standard_errors(judging, frame["tests"].to_numpy(dtype=np.float64))
    volumes, wanted = Volumes.of(frame), judging.power_percent / 100
    sign = frame["better"].to_numpy(dtype=np.float64)
    smallest = np.where(judged, smallest_detectable(volumes, z, wanted), np.nan)
    size = np.where(judged & frame["by_target"].to_numpy(dtype=bool), np.abs(np.log(frame["needed"])), np.nan)
    periods = np.where(smallest <= size, 0.0, periods_until_visible(volumes, size, z, wanted))
    return frame.assign(
        detectable=np.where(np.isinf(smallest), 0.0, np.exp(sign * smallest)), periods_until_visible=periods
    )


def _standard_errors(judging: Judging, tests: FloatArray) -> FloatArray:
    """How many standard errors a two-sided test asks for where it is the only one of the register with a change."""
    error = judging.error_percent / 100
    return np.asarray(special.ndtri(1 - error / (2 * np.maximum(tests, 1.0))), dtype=np.float64)


_SAME = ["measure", "area", "level", "group", "reference", "baseline", "period", "base_rate", "base_ratio",
         "target_rate", "target_ratio"]  # fmt: skip


def _first(same: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen rows, each comparison only the first time it is named."""
    where = np.flatnonzero(chosen)
    found = np.zeros(len(chosen), dtype=bool)
    found[where[~pd.Series(same[where]).duplicated().to_numpy()]] = True
    return found


def _held(frame: pd.DataFrame, name: str, better: bool, shift: Shift | None) -> FloatArray:
    """Two-sided p-value of the change of a rate or ratio in one direction, 1 where it went the other way."""
    value, se, p_value = (frame[f"{name}_change{word}"].to_numpy(dtype=np.float64) for word in ("", "_se", "_p"))
    fell = (frame["better"] < 0).to_numpy(dtype=bool) == better
    towards = np.where(fell, value < 0, value > 0)
    if shift is not None:
        by = np.where(fell, getattr(shift, f"{name}_fell"), getattr(shift, f"{name}_rose"))
        with np.errstate(all="ignore"):
            left = (np.abs(value) - by) / se
        # a shift that is not known lets no claim pass
        p_value = np.maximum(p_value, np.where(left > 0, 2 * special.ndtr(-np.abs(left)), 1.0))
    return np.where(towards, p_value, 1.0)


def _tests(frame: pd.DataFrame, shift: Shift | None, confidence: float) -> dict[str, FloatArray]:
    """p-values of each claim: better, worse, change (the smaller of the two), met (NaN without a target)."""
    alone = (frame["reference"] == "").to_numpy(dtype=bool)
    rate, ratio = (_held(frame, name, True, shift) for name in ("rate", "ratio"))
    with_gap = _adverse(frame, "ratio_then")  # a ratio that was never adverse has no gap to close
    better = np.where(alone, rate, np.where(with_gap, np.maximum(rate, ratio), 1.0))
    rate_worse, ratio_worse = (_held(frame, name, False, shift) for name in ("rate", "ratio"))
    ratio_worse = np.where(_adverse(frame, "ratio"), ratio_worse, 1.0)
    worse = np.where(alone, rate_worse, np.minimum(2 * np.fmin(rate_worse, ratio_worse), 1.0))
    return {
        "better": better, "worse": worse, "rate_worse": np.where(alone, rate_worse, np.minimum(2 * rate_worse, 1.0)),
        "change": np.fmin(better, worse), "met": _target_p(frame, shift, confidence),
    }  # fmt: skip


def _adverse(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Whether a ratio lies on the side of 1 that is worse for the group."""
    ratio, sign = frame[name].to_numpy(dtype=np.float64), frame["better"].to_numpy(dtype=np.float64)
    return np.asarray(sign * (ratio - 1) < 0)


def _target_p(frame: pd.DataFrame, shift: Shift | None, confidence: float) -> FloatArray:
    """Two-sided p-value of the rate and the ratio both being at least as good as their targets; NaN without one."""
    sign = frame["better"].to_numpy(dtype=np.float64)
    z = float(normal_quantile(np.array([confidence]))[0])
    worst = np.full(len(frame), np.nan)
    for name in ("rate", "ratio"):
        target = np.log(frame[f"target_{name}"].to_numpy(dtype=np.float64))
        with np.errstate(all="ignore"):
            value, lower, upper = (
                np.log(frame[f"{name}{word}"].to_numpy(dtype=np.float64)) for word in ("", "_lower", "_upper")
            )
            se = np.where(sign < 0, upper - value, value - lower) / z
            ahead = sign * (value - target)
            if shift is not None:
                fell = sign < 0
                ahead = ahead - np.where(fell, getattr(shift, f"{name}_fell"), getattr(shift, f"{name}_rose"))
            p_value = np.where(ahead > 0, 2 * special.ndtr(-np.abs(ahead) / se), 1.0)
        p_value = np.where(np.isnan(target), np.nan, np.where(np.isnan(ahead), 1.0, p_value))
        worst = np.fmax(worst, p_value)
    return worst


def _correct(
    tests: dict[str, FloatArray],
    judged: np.ndarray,
    family: np.ndarray,
    same: np.ndarray,
    method: Literal["holm", "bh"],
) -> dict[str, FloatArray]:
    """Adjust the tests of change and of target together; a comparison that is named twice counts once."""
    size = len(judged)
    p_value = np.concatenate([tests["change"], tests["met"]])
    twice = np.concatenate([same, same + size])
    chosen = _first(twice, np.tile(judged, 2) & ~np.isnan(p_value))
    register = np.tile(pd.factorize(family)[0], 2)[chosen].astype(np.intp)
    register = pd.factorize(register)[0].astype(np.intp)
    adjusted = pd.Series(adjusted_p(p_value[chosen], register, method), index=twice[chosen])
    back = np.asarray(adjusted.reindex(twice).to_numpy(), dtype=np.float64)
    back = np.where(np.tile(judged, 2), back, np.nan)
    return {"change": back[:size], "met": back[size:]}


def _claims(
    frame: pd.DataFrame, tests: dict[str, FloatArray], corrected: dict[str, FloatArray], error: float
) -> dict[str, np.ndarray]:
    change, met = corrected["change"] <= error, corrected["met"] <= error
    with np.errstate(all="ignore"):
        asked = error * tests["change"] / corrected["change"]  # what correction asked of this p-value
    rate_worse = change & (tests["rate_worse"] <= asked)
    theirs = _reference_change(frame)[1]
    return {
        "met": met & ~rate_worse & ~theirs, "better": change & (tests["better"] <= tests["worse"]) & ~theirs,
        "worse": change & (tests["worse"] < tests["better"]), "rate_worse": rate_worse,
        "theirs": theirs & (met | (change & (tests["better"] <= tests["worse"]))),
    }  # fmt: skip


def _reference_change(frame: pd.DataFrame) -> tuple[FloatArray, np.ndarray]:
    """Log of the reference's own change; and whether the ratio is better mostly since the reference got worse."""
    rate, ratio = (frame[f"{name}_change"].to_numpy(dtype=np.float64) for name in ("rate", "ratio"))
    se = [frame[f"{name}_change_se"].to_numpy(dtype=np.float64) for name in ("rate", "ratio")]
    sign = frame["better"].to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        change = rate - ratio
        least = sum((1 / frame[name].to_numpy(dtype=np.float64) for name in ("b1", "b2")), np.zeros(len(frame)))
        error = np.sqrt(np.fmax(se[1] ** 2 - se[0] ** 2, least))
        clear = 2 * special.ndtr(-np.abs(change) / error) <= _CLEAR
        mostly = -sign * change > 0.5 * np.abs(ratio)
    return change, np.asarray(clear & mostly & (sign * ratio > 0))


def _needed(frame: pd.DataFrame, judging: Judging) -> tuple[FloatArray, np.ndarray]:
    """Size (log) of the change that has to be detectable, and whether a target says so."""
    sign = frame["better"].to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        asked = [
            sign
            * np.log(frame[f"target_{name}"].to_numpy(dtype=np.float64) / frame[f"{name}_then"].to_numpy(np.float64))
            for name in ("ratio", "rate")
        ]
    wanted = np.where(np.isnan(asked[0]), asked[1], asked[0])
    by_target = wanted > 0
    fall = 1 - judging.smallest_change_percent / 100
    return np.where(by_target, wanted, -np.log(fall)), by_target


def _decide(
    frame: pd.DataFrame,
    claims: dict[bool, dict[str, np.ndarray]],
    judged: np.ndarray,
    seen: np.ndarray,
    recording: np.ndarray,
    unknown_hidden: np.ndarray,
) -> tuple[StrArray, StrArray]:
    """The verdict of each comparison and the code of its reason; the first that applies."""
    status = frame["status"].to_numpy(dtype=str)
    held, raw = claims[True], claims[False]
    claimed = raw["met"] | raw["better"] | raw["worse"]
    rules: list[tuple[np.ndarray, str, str | StrArray]] = [
        (~judged & np.isin(status, TOO_LITTLE), INSUFFICIENT, status),
        (~judged, NOT_MEASURABLE, status),
        (held["met"], MET, "target"),
        (held["worse"] & held["rate_worse"], WORSENING, "rate_worse"),
        (held["worse"], WORSENING, "ratio_worse"),
        (held["better"], IMPROVING, "better"),
        (claimed & unknown_hidden, INSUFFICIENT, "unknown_hidden"),
        (claimed, INSUFFICIENT, "recording"),
        (held["theirs"], NO_CHANGE, "reference_worse"),
        (~seen, INSUFFICIENT, "too_small"),
        (recording, INSUFFICIENT, "recording_large"),
        (~_adverse(frame, "ratio_then") & (frame["reference"] != "").to_numpy(dtype=bool), NO_CHANGE, "no_gap"),
    ]
    verdict, reason = np.full(len(frame), NO_CHANGE, dtype="U32"), np.full(len(frame), "unchanged", dtype="U32")
    for when, what, why in reversed(rules):
        verdict, reason = np.where(when, what, verdict), np.where(when, why, reason)
    return verdict, reason
