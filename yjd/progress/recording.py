"""How much of a change could be recording: children whose ethnicity is known less, or more, often than before.

If the share of unknown ethnicity had stayed as it was at the baseline, so many more (or fewer) children would have a
group. Where they are put is a choice, and each claim is held against the choice that speaks most against it: all of
them, wherever they hurt the claim. A claim that does not survive is not made. A share that moves no more than chance
has it (a score test at 5%) is left alone: else the smallest group would carry the whole chance of all the unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.metrics.intervals import FloatArray


@dataclass(frozen=True)
class Shift:
    """By how much recording could have moved the log of a change; all of shape (rows,), none below 0.

    Attributes
    ----------
    ratio_fell, rate_fell : array
        Of the ratio and of the group's rate, against the claim that it fell.
    ratio_rose, rate_rose : array
        Against the claim that it rose.
    """

    ratio_fell: FloatArray
    rate_fell: FloatArray
    ratio_rose: FloatArray
    rate_rose: FloatArray


def recording_shift(frame: pd.DataFrame) -> Shift:
    """The shifts of each comparison; NaN where a count of unknown ethnicity is hidden.

    Parameters
    ----------
    frame : DataFrame
        From `yjd.progress.changes.changes`. A baseline by values has no counts, and no shift.
    """
    proportion = (frame["kind"] == "proportion").to_numpy(dtype=bool)
    column = {name: frame[name].to_numpy(dtype=np.float64) for name in _COUNTS}
    by_value = (frame["baseline"] == "").to_numpy(dtype=bool)
    apart = {  # of the base, those without an event; of a base that the events are no part of, all
        name: column[name.upper()] - np.where(proportion, column[name], 0.0) for name in ("u1", "u2", "n1", "n2")
    }
    more, fewer = _excess(column["u1"], column["n1"], column["u2"], column["n2"])
    rest_more, rest_fewer = _excess(apart["u1"], apart["n1"], apart["u2"], apart["n2"])

    def move(letter: str, when: int, events: FloatArray, rest: FloatArray) -> FloatArray:
        """By how much the log of a rate moves when events, or children without one, are added."""
        a, base = column[f"{letter}{when}"], column[f"{letter.upper()}{when}"]
        with np.errstate(divide="ignore", invalid="ignore"):
            added = np.log1p(events / a) - np.log1p((np.where(proportion, events, 0.0) + rest) / base)
        return np.asarray(added)

    none = np.zeros(len(frame))
    rate_fell = move("a", 2, more, none) - move("a", 1, none, rest_fewer)
    rate_rose = move("a", 1, fewer, none) - move("a", 2, none, rest_more)
    ratio_fell = rate_fell - move("b", 2, none, rest_more) + move("b", 1, fewer, none)
    ratio_rose = rate_rose + move("b", 2, more, none) - move("b", 1, none, rest_fewer)
    return Shift(*(np.where(by_value, 0.0, one) for one in (ratio_fell, rate_fell, ratio_rose, rate_rose)))


CLEAR = 1.959963984540054  # standard errors that a share must move to count as changed
_COUNTS = ("a1", "A1", "a2", "A2", "b1", "B1", "b2", "B2", "u1", "n1", "u2", "n2", "U1", "N1", "U2", "N2")


def _excess(u1: FloatArray, n1: FloatArray, u2: FloatArray, n2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How many more are unknown now than at the baseline's share, and how many more were then than at today's."""
    with np.errstate(divide="ignore", invalid="ignore"):
        now = np.where(n1 > 0, u2 - n2 * u1 / n1, 0.0)
        then = np.where(n2 > 0, u1 - n1 * u2 / n2, 0.0)
        clear = ~(np.abs(now) <= CLEAR * excess_error(u1 + u2, n1 + n2, n1, n2))  # also where it is not known
    return np.where(clear, np.maximum(now, 0.0), 0.0), np.where(clear, np.maximum(then, 0.0), 0.0)


def excess_error(unknown: FloatArray, total: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
    """Standard error of how many more of n2 are unknown than at the share of n1, with the share unknown / total."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, unknown / total, 0.0)
        return np.asarray(np.sqrt(share * (1 - share) * n2 * (1 + np.where(n1 > 0, n2 / n1, 0.0))))
